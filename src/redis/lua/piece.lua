-- piece: one more piece of a snapshot that goes up in several.
-- ARGV: scratch key, its time to live from now on in seconds, offset, bytes.
-- Returns 1, or 0 if the key went: begun anew it would have a hole of zeros, and no end.
if redis.call('EXPIRE', ARGV[1], ARGV[2]) == 0 then
	return 0
end
redis.call('SETRANGE', ARGV[1], ARGV[3], ARGV[4])
return 1
