-- Drives wrk. Without an argument it repeats the request of the command line. With the name of a
-- file, it requests the paths in it, one a line, in order and again from the start. It writes what
-- it measured as one line of JSON.

local requests = {}
local sent = -1 -- wrk calls request() once before it starts, to look at the request

function init(args)
  if not args[1] then
    return
  end
  for path in io.lines(args[1]) do
    requests[#requests + 1] = wrk.format("GET", path)
  end
  function request()
    sent = sent + 1
    return requests[(math.max(sent, 1) - 1) % #requests + 1]
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
