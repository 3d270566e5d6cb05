-- Drives wrk. Without an argument it repeats the request of the command line. With the name of a
-- file, it asks for the paths in it, one a line, in their order, and begins anew at the end; with
-- "once" after that, it stops soon after the end. What it measured it writes as one line of JSON.

local requests = {}
local asked = -1 -- wrk asks for one request before it starts, only to look at it

function init(args)
  if not args[1] then
    return
  end
  for path in io.lines(args[1]) do
    requests[#requests + 1] = wrk.format("GET", path)
  end
  local once = args[2] == "once"
  function request()
    asked = asked + 1
    if once and asked == #requests + 1 then
      -- The shell's parent is wrk, which ends as it should on this signal; but not while it waits
      -- for the shell.
      os.execute("(sleep 0.1; kill -INT $PPID) &")
    end
    return requests[(math.max(asked, 1) - 1) % #requests + 1]
  end
end

function done(summary, latency)
  local failed = summary.errors
  io.write(string.format(
    '{"requests": %d, "microseconds": %d, "bytes": %d, "p50": %d, "p99": %d,'
      .. ' "connect": %d, "read": %d, "write": %d, "status": %d, "timeout": %d}\n',
    summary.requests, summary.duration, summary.bytes,
    latency:percentile(50), latency:percentile(99),
    failed.connect, failed.read, failed.write, failed.status, failed.timeout))
end
