-- For wrk: each connection asks every DELAY_MS (argument), and the end is a line of JSON: what was asked, and what went wrong.
local delay_ms

function init(args) delay_ms = tonumber(args[1]) end

function delay() return delay_ms end

function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format('{"requests":%d,"connect":%d,"read":%d,"write":%d,"timeout":%d,"status":%d}\n',
                         summary.requests, e.connect, e.read, e.write, e.timeout, e.status))
end
