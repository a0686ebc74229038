-- Gives error responses that no function produced (they lack x-cift-origin) the API's one error format.
-- A 5xx from queue-proxy, activator or ingress does not show whether the function ran. If the request can change
-- something the code is outcome_unknown, without Retry-After, which would promise that nothing was done.
-- Below Alpaca's paths it has the form of its API, whose clients cannot read an error without a numeric code.
local function replace_response(handle, status, code, message, id, retry)
  local headers = handle:headers()
  headers:replace(":status", status)
  headers:replace("content-type", "application/json")
  headers:replace("x-cift-origin", "gateway")
  headers:replace("x-request-id", id)
  if retry then headers:replace("retry-after", "1") end
  local body = handle:body(true)
  local note = handle:streamInfo():dynamicMetadata():get("cift") or {}
  if note["alpaca"] then
    local number = tonumber(status) * 100000 + 10000
    body:setBytes(string.format('{"code":%d,"message":"%s","reason":"%s","request_id":"%s"}', number, message, code, id))
  else
    body:setBytes(string.format('{"code":"%s","message":"%s","request_id":"%s"}', code, message, id))
  end
end

function envoy_on_request(handle)
  local headers = handle:headers()
  local id = string.gsub(headers:get("x-request-id") or "", "[^%w._-]", "")
  local changes = handle:metadata():get("changes")
  local note = handle:streamInfo():dynamicMetadata()
  note:set("cift", "id", string.sub(id, 1, 128))
  note:set("cift", "changes", changes == true)
  local path = headers:get(":path") or ""
  local alpaca = string.find(path, "^/+alpaca/") or string.find(path, "^/+v[123]/") or string.find(path, "^/+v[12]beta[13]/") or string.find(path, "^/+stream$")
  note:set("cift", "alpaca", alpaca ~= nil)
end

function envoy_on_response(handle)
  local headers = handle:headers()
  if headers:get("x-cift-origin") then return end
  local status = tonumber(headers:get(":status"))
  if status == nil or status < 400 then return end
  local note = handle:streamInfo():dynamicMetadata():get("cift") or {}
  local id = note["id"] or ""
  -- A request that Envoy cannot parse never passed envoy_on_request, so it has no id.
  if id == "" then id = string.format("gateway-%.0f-%06x", handle:timestamp(), math.random(0, 0xffffff)) end
  if status == 404 then
    replace_response(handle, "404", "not_found", "There is nothing at this path; /docs lists all paths", id)
  elseif status == 405 then
    replace_response(handle, "405", "method_not_allowed", "This path allows " .. (headers:get("allow") or "other methods"), id)
  elseif status == 413 then
    replace_response(handle, "413", "body_too_large", "The body exceeds the gateway's limit", id)
  elseif status < 500 then
    replace_response(handle, tostring(status), "invalid_request", "The request is not valid HTTP", id)
  elseif note["changes"] then
    replace_response(handle, "503", "outcome_unknown", "The response was lost, so the request may have taken effect. Look it up, or send the same request again with the same client_order_id or Idempotency-Key", id)
  else
    replace_response(handle, "503", "unavailable", "No function responded in time; retry", id, true)
  end
end
