"""The scripts that Valkey runs on token buckets. Each runs alone: nothing happens between its reads and its writes.

A bucket is one number, the moment at which it is full again (GCRA's theoretical arrival time), in microseconds of the
server's own clock, so that the clocks of the web processes do not matter. It expires when it is full.
"""

import hashlib
from typing import Final

import msgspec


class Script(msgspec.Struct, frozen=True):
    """A script, and the name under which the server caches it."""

    text: str
    sha1: str

    @classmethod
    def of(cls, text: str) -> "Script":
        """Name a script as EVALSHA does."""
        return cls(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


#: Takes a token from each bucket, or from none. KEYS: the buckets. ARGV: of each its interval, and the part of its
#: window that can be used, in microseconds. Returns the number of the first bucket without a token, 0 if each has one;
#: and the microseconds until it has one, or those that are left of the last bucket.
TAKE: Final = Script.of("""
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local stored = redis.call('MGET', unpack(KEYS))
local full_at = {}
local left = 0
for i = 1, #KEYS do
  local interval, window = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  full_at[i] = math.max(now, tonumber(stored[i] or now)) + interval
  left = math.max(interval, window) - (full_at[i] - now)
  if left < 0 then return {i, -left} end
end
for i = 1, #KEYS do
  redis.call('SET', KEYS[i], string.format('%.0f', full_at[i]), 'PX', math.ceil((full_at[i] - now) / 1000))
end
return {0, left}
""")

#: Puts a token back into each bucket that is not full. KEYS: the buckets. ARGV: of each its interval in microseconds.
REFUND: Final = Script.of("""
for i = 1, #KEYS do
  local stored = redis.call('GET', KEYS[i])
  if stored then
    redis.call('SET', KEYS[i], string.format('%.0f', stored - ARGV[i]), 'KEEPTTL')
  end
end
return 0
""")
