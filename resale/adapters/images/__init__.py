"""Images: renditions without metadata from an upload (libvips). The entry is ``vips.VipsImageCodec``."""
