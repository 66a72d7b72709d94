"""Images: an upload in, clean renditions out (libvips). ``vips.VipsImageCodec`` is the way in."""
