// Read-only documents: the candidates, the status, the statistics.

import * as vscode from 'vscode';

const SCHEME = 'neocaret';

export class Pages {
  private readonly texts = new Map<string, string>();
  private readonly changed = new vscode.EventEmitter<vscode.Uri>();
  private readonly registration = vscode.workspace.registerTextDocumentContentProvider(SCHEME, {
    onDidChange: this.changed.event,
    provideTextDocumentContent: (uri) => this.texts.get(uri.path) ?? '',
  });

  /** Show a page; shown before, it is renewed. */
  async show(
    name: string,
    text: string,
    { language = 'plaintext', viewColumn = vscode.ViewColumn.Active } = {},
  ): Promise<void> {
    const uri = vscode.Uri.from({ scheme: SCHEME, path: `/${name}` });
    this.texts.set(uri.path, text);
    this.changed.fire(uri);
    const document = await vscode.languages.setTextDocumentLanguage(
      await vscode.workspace.openTextDocument(uri),
      language,
    );
    await vscode.window.showTextDocument(document, { viewColumn, preview: true });
  }

  /** What ends with the extension. */
  get disposables(): { dispose(): unknown }[] {
    return [this.registration, this.changed];
  }
}
