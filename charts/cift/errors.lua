-- Answers that no function gave (they lack x-cift-origin) become ours: the one form of every error.
-- A 5xx of the way (queue-proxy, activator, ingress) says nothing about what was done: where the method
-- changes something the outcome is unknown, and the caller is told so, without Retry-After: that would say
-- that nothing was done.
local function say(handle, status, code, message, id, retry)
  local headers = handle:headers()
  headers:replace(":status", status)
  headers:replace("content-type", "application/json")
  headers:replace("x-cift-origin", "gateway")
  headers:replace("x-request-id", id)
  if retry then headers:replace("retry-after", "1") end
  local body = handle:body(true)
  body:setBytes(string.format('{"code":"%s","message":"%s","request_id":"%s"}', code, message, id))
end

function envoy_on_request(handle)
  local headers = handle:headers()
  local id = string.gsub(headers:get("x-request-id") or "", "[^%w._-]", "")
  local changes = handle:metadata():get("changes")
  local note = handle:streamInfo():dynamicMetadata()
  note:set("cift", "id", string.sub(id, 1, 128))
  note:set("cift", "changes", changes == true)
end

function envoy_on_response(handle)
  local headers = handle:headers()
  if headers:get("x-cift-origin") then return end
  local status = tonumber(headers:get(":status"))
  if status == nil or status < 400 then return end
  local note = handle:streamInfo():dynamicMetadata():get("cift") or {}
  local id = note["id"] or ""
  -- What cannot be read as a request never got an id.
  if id == "" then id = string.format("gateway-%.0f-%06x", handle:timestamp(), math.random(0, 0xffffff)) end
  if status == 404 then
    say(handle, "404", "not_found", "There is nothing at this path; /docs lists all paths", id)
  elseif status == 405 then
    say(handle, "405", "method_not_allowed", "This path allows " .. (headers:get("allow") or "other methods"), id)
  elseif status == 413 then
    say(handle, "413", "body_too_large", "The body is larger than the gateway takes", id)
  elseif status < 500 then
    say(handle, tostring(status), "invalid_request", "The request cannot be read", id)
  elseif note["changes"] then
    say(handle, "503", "outcome_unknown", "The answer was lost on its way: it may have been done. Look it up, or send the same request again with the same client_order_id or Idempotency-Key", id)
  else
    say(handle, "503", "unavailable", "No function answered in time; ask again", id, true)
  end
end
