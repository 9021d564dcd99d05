--- Loaded at every start: it only names what is loaded later.

if vim.g.loaded_neocaret then
  return
end
vim.g.loaded_neocaret = true

vim.api.nvim_create_user_command('Neocaret', function(call)
  require('neocaret.command').run(call)
end, {
  nargs = '*',
  range = true,
  bang = true,
  desc = 'Export, generate, pause and more: see :help :Neocaret',
  complete = function(lead, line)
    return require('neocaret.command').complete(lead, line)
  end,
})

vim.api.nvim_create_autocmd('LspAttach', {
  group = vim.api.nvim_create_augroup('neocaret', {}),
  callback = function(event)
    local client = vim.lsp.get_client_by_id(event.data.client_id)
    if client and client.name == 'neocaret' then
      require('neocaret.attach').attach(client, event.buf)
    end
  end,
})
