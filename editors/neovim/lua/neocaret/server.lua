--- The running server: found, asked, and waited for.

local M = {}

--- Return the server of a buffer, else any that runs; nil, and a word to the user, where there is none.
---@return vim.lsp.Client?
function M.client()
  local clients = vim.lsp.get_clients({ name = 'neocaret', bufnr = 0 })
  if #clients == 0 then
    clients = vim.lsp.get_clients({ name = 'neocaret' })
  end
  if not clients[1] then
    M.say('the server is not running; :checkhealth neocaret says why', vim.log.levels.WARN)
  end
  return clients[1]
end

---@param message string
---@param level integer?
function M.say(message, level)
  vim.notify('neocaret: ' .. message, level or vim.log.levels.INFO)
end

--- Execute one of the server's commands.
---@param name string without `neocaret.`
---@param argument table
---@param done fun(result: table)? not called where it failed
---@param failed fun(message: string): boolean? true where the failure has been dealt with
---@return fun()? cancel
function M.execute(name, argument, done, failed)
  local client = M.client()
  if not client then
    return
  end
  local command = {
    command = 'neocaret.' .. name,
    arguments = { next(argument) and argument or vim.empty_dict() },
  }
  local sent, request = client:request('workspace/executeCommand', command, function(problem, result)
    if problem then
      if not (failed and failed(problem.message)) then
        M.say(problem.message, vim.log.levels.ERROR)
      end
    elseif done then
      done(result or {})
    end
  end, 0)
  if not sent or not request then
    M.say('the server has ended', vim.log.levels.WARN)
    return
  end
  return function()
    client:cancel_request(request)
  end
end

return M
