--- `:Neocaret`: its subcommands, and the completion of their names and arguments.

local M = {}

---@class neocaret.Call
---@field fargs string[]
---@field bang boolean
---@field range integer 0 without one, 2 with two lines
---@field line1 integer
---@field line2 integer

---@class neocaret.Subcommand
---@field run fun(arguments: string[], call: neocaret.Call)
---@field most integer how many arguments it takes
---@field complete? fun(lead: string): string[]

---@param call neocaret.Call
---@return string?
local function selected(call)
  if call.range == 0 then
    return nil
  end
  return table.concat(vim.api.nvim_buf_get_lines(0, call.line1 - 1, call.line2, false), '\n')
end

---@param status table
---@return string
local function status_page(status)
  local lines = {}
  for _, name in ipairs(vim.fn.sort(vim.tbl_keys(status))) do
    if status[name] ~= vim.NIL then
      local value = status[name]
      table.insert(lines, ('%s: %s'):format(name, type(value) == 'table' and vim.json.encode(value) or tostring(value)))
    end
  end
  return table.concat(lines, '\n')
end

---@type table<string, neocaret.Subcommand>
local SUBCOMMANDS = {
  export = {
    most = 1,
    run = function(arguments, call)
      local export = require('neocaret.export')
      export.run({ path = arguments[1] or export.DEFAULT_PATH, prompt = true, overwrite = call.bang })
    end,
    complete = function(lead)
      return vim.fn.getcompletion(lead, 'file')
    end,
  },
  generate = {
    most = math.huge,
    run = function(arguments, call)
      local generate = require('neocaret.generate')
      local prompt = selected(call) or table.concat(arguments, ' ')
      if prompt ~= '' then
        generate.run(prompt)
        return
      end
      vim.ui.input({ prompt = 'Prompt: ' }, function(text)
        if text and text ~= '' then
          generate.run(text)
        end
      end)
    end,
  },
  stop = {
    most = 0,
    run = function()
      local cancel = require('neocaret.generate').cancel
      if cancel then
        cancel()
      else
        require('neocaret.server').say('nothing is being generated')
      end
    end,
  },
  candidates = {
    most = 0,
    run = function()
      require('neocaret.candidates').show()
    end,
  },
  model = {
    most = 1,
    run = function(arguments)
      require('neocaret.model').run(arguments[1])
    end,
    complete = function(lead)
      return vim.list_extend({ 'bundled' }, vim.fn.getcompletion(lead, 'dir'))
    end,
  },
  pause = {
    most = 1,
    run = function(arguments)
      local server = require('neocaret.server')
      local minutes = tonumber(arguments[1])
      if arguments[1] and not minutes then
        server.say(('pause takes minutes, not "%s"'):format(arguments[1]), vim.log.levels.WARN)
        return
      end
      server.execute('pause', { minutes = minutes }, function()
        server.say(minutes and ('paused for %g minutes'):format(minutes) or 'paused; :Neocaret resume goes on')
      end)
    end,
  },
  resume = {
    most = 0,
    run = function()
      local server = require('neocaret.server')
      server.execute('resume', {}, function()
        server.say('resumed')
      end)
    end,
  },
  restart = {
    most = 0,
    run = function()
      require('neocaret.process').restart()
    end,
  },
  status = {
    most = 0,
    run = function()
      require('neocaret.server').execute('status', {}, function(result)
        require('neocaret.scratch').show({ name = 'status', text = status_page(result), readonly = true })
      end)
    end,
  },
  log = {
    most = 0,
    run = function()
      vim.cmd.tabedit(vim.lsp.log.get_filename())
      vim.cmd('normal! G')
    end,
  },
}

---@param call neocaret.Call
function M.run(call)
  local name, arguments = call.fargs[1] or 'status', vim.list_slice(call.fargs, 2)
  local subcommand = SUBCOMMANDS[name]
  local server = require('neocaret.server')
  if not subcommand then
    server.say(
      ('there is no :Neocaret %s; there are %s'):format(name, table.concat(M.names(), ', ')),
      vim.log.levels.ERROR
    )
  elseif #arguments > subcommand.most then
    server.say((':Neocaret %s takes at most %d arguments'):format(name, subcommand.most), vim.log.levels.ERROR)
  else
    subcommand.run(arguments, call)
  end
end

---@return string[]
function M.names()
  return vim.fn.sort(vim.tbl_keys(SUBCOMMANDS))
end

--- Complete the name of a subcommand, or its argument.
---@param lead string
---@param line string
---@return string[]
function M.complete(lead, line)
  local words = vim.split(vim.trim(line:gsub('^.-Neocaret!?', '', 1)), '%s+', { trimempty = true })
  local starts_new = lead == ''
  local choices
  if #words == 0 or (#words == 1 and not starts_new) then
    choices = M.names()
  else
    local subcommand = SUBCOMMANDS[words[1]]
    choices = subcommand and subcommand.complete and subcommand.complete(lead) or {}
  end
  return vim
    .iter(choices)
    :filter(function(choice)
      return vim.startswith(choice, lead)
    end)
    :totable()
end

return M
