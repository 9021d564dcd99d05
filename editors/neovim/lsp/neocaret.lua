--- What `vim.lsp.enable('neocaret')` starts. Whatever `vim.lsp.config('neocaret', ...)` says goes before it.

---@type vim.lsp.Config
return {
  cmd = function(dispatchers, config)
    return require('neocaret.process').start(dispatchers, config)
  end,
  filetypes = { 'python' },
  root_dir = function(buffer, use)
    require('neocaret.process').if_found(function()
      use(vim.fs.root(buffer, { 'pyproject.toml', 'setup.py', 'setup.cfg', '.git' }))
    end)
  end,
  init_options = { statusNotifications = true },
  handlers = {
    ['neocaret/statusChanged'] = function(_, status, context)
      require('neocaret.status').changed(context.client_id, status)
    end,
  },
  before_init = function(params, config)
    require('neocaret.settings').apply(params, config)
    require('neocaret.capabilities').reduce(params.capabilities)
  end,
}
