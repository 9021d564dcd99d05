--- What the user chose for the plugin; what the server itself reads is in `settings`.

local M = {}

---@class neocaret.Keys
---@field accept string|false Take the ghost text.
---@field accept_word string|false Take its next word.
---@field accept_line string|false Take its next line.
---@field next string|false Show the next candidate.
---@field previous string|false Show the one before.
---@field dismiss string|false Hide it.

---@class neocaret.Options
---@field command string[]|nil How the server is started; nil looks for `neocaret` by itself.
---@field ghost_text boolean Show ghost text, where this Neovim has it (0.12).
--- 'auto': where there is no ghost text, and neither nvim-cmp nor blink.cmp is loaded.
---@field popup 'auto'|boolean Show completions as you type through `vim.lsp.completion`.
---@field keys neocaret.Keys Insert-mode keys; false for none.
---@field settings table The server's settings, by the names of its README: `{ candidates = 5 }`.

---@return neocaret.Options
local function defaults()
  return {
    command = nil,
    ghost_text = true,
    popup = 'auto',
    keys = {
      accept = '<C-l>',
      accept_word = '<M-w>',
      accept_line = '<M-l>',
      next = '<M-n>',
      previous = '<M-p>',
      dismiss = '<M-e>',
    },
    settings = {},
  }
end

---@param path string
---@param must_be string
---@param value any
local function wrong(path, must_be, value)
  error(('neocaret: %s must be %s, not %s'):format(path, must_be, vim.inspect(value)), 0)
end

---@param value any
---@return boolean
local function is_command(value)
  return type(value) == 'table'
    and #value > 0
    and vim.iter(value):all(function(word)
      return type(word) == 'string'
    end)
end

---@type table<string, { [1]: string, [2]: fun(value: any): boolean }>
local RULES = {
  command = { 'a list of strings, such as { "neocaret" }', is_command },
  ghost_text = {
    'true or false',
    function(value)
      return type(value) == 'boolean'
    end,
  },
  popup = {
    '"auto", true or false',
    function(value)
      return value == 'auto' or type(value) == 'boolean'
    end,
  },
  keys = {
    'a table',
    function(value)
      return type(value) == 'table'
    end,
  },
  settings = {
    'a table',
    function(value)
      return type(value) == 'table'
    end,
  },
}

---@param given table
---@return string? unknown the path of a name that is no option
local function unknown_in(given)
  for name in pairs(given) do
    if not RULES[name] then
      return tostring(name)
    end
  end
  for name in pairs(type(given.keys) == 'table' and given.keys or {}) do
    if defaults().keys[name] == nil then
      return 'keys.' .. tostring(name)
    end
  end
end

--- Check options and fill in what is not given.
---@param given table?
---@return neocaret.Options
function M.read(given)
  given = given or {}
  if type(given) ~= 'table' then
    wrong('the options', 'a table', given)
  end
  local unknown = unknown_in(given)
  if unknown then
    error(('neocaret: %s is not an option; see :help neocaret-options'):format(unknown), 0)
  end
  for name, value in pairs(given) do
    local must_be, fits = unpack(RULES[name])
    if not fits(value) then
      wrong(name, must_be, value)
    end
  end
  for name, key in pairs(given.keys or {}) do
    if key ~= false and type(key) ~= 'string' then
      wrong('keys.' .. name, 'a key such as "<C-l>", or false', key)
    end
  end
  return vim.tbl_deep_extend('force', defaults(), given)
end

---@type neocaret.Options?
local chosen

--- Return the options in force: those of `setup`, else `vim.g.neocaret`, else the defaults.
---@return neocaret.Options
function M.get()
  if not chosen then
    local good, read = pcall(M.read, vim.g.neocaret)
    if not good then
      vim.notify_once(tostring(read) .. '; using the defaults', vim.log.levels.WARN)
    end
    chosen = good and read or M.read()
  end
  return chosen
end

---@param given table?
function M.set(given)
  chosen = M.read(given)
end

return M
