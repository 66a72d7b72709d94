"""Operations: writes. One function is one use case and one commit."""
