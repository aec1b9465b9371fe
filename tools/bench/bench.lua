-- What wrk sends, and what it reports: one line of figures for tools/bench/run to read.
-- BENCH_MODE  get: the URL, again and again
--             like: PUT and DELETE of the like on each post of BENCH_IDS in turn, so that each
--                   request changes something
--             login: POST of the user's name and a wrong password
--             upload: POST of the body in the file BENCH_BODY (multipart, boundary "bench")

local mode = os.getenv("BENCH_MODE")
local ids, sent = {}, 0

function init()
   if mode == "like" then
      for id in io.lines(os.getenv("BENCH_IDS")) do
         ids[#ids + 1] = id
      end
   elseif mode == "login" then
      wrk.method = "POST"
      wrk.body = '{"username": "bench", "password": "a wrong password"}'
      wrk.headers["Content-Type"] = "application/json"
   elseif mode == "upload" then
      local file = assert(io.open(os.getenv("BENCH_BODY"), "rb"))
      wrk.method = "POST"
      wrk.body = file:read("*a")
      wrk.headers["Content-Type"] = "multipart/form-data; boundary=bench"
      file:close()
   end
   prepared = wrk.format()
end

function request()
   if mode ~= "like" then
      return prepared
   end
   local round = math.floor(sent / #ids)
   local id = ids[sent % #ids + 1]
   sent = sent + 1
   return wrk.format(round % 2 == 0 and "PUT" or "DELETE", "/api/v1/posts/" .. id .. "/like")
end

function done(summary, latency)
   local errors = summary.errors
   io.write(string.format("figures %d %d %d %d\n", summary.requests, summary.duration,
      errors.status + errors.connect + errors.read + errors.write + errors.timeout,
      latency:percentile(99)))
end
