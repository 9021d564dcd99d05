// Which documents the server is asked about.

import * as vscode from 'vscode';

const SCHEMES = ['file', 'untitled', 'vscode-notebook-cell', 'vscode-remote'];

interface Filter {
  readonly scheme: string;
  readonly language?: string;
}

/** Filters for the languages that the setting names; `*` stands for all. */
export function filtersFor(languages: readonly string[]): Filter[] {
  return languages.includes('*')
    ? SCHEMES.map((scheme) => ({ scheme }))
    : SCHEMES.flatMap((scheme) => languages.map((language) => ({ scheme, language })));
}

export function documentFilters(): Filter[] {
  return filtersFor(vscode.workspace.getConfiguration('neocaret').get('server.languageIds', ['python']));
}

export function isServed(document: vscode.TextDocument): boolean {
  return vscode.languages.match(documentFilters(), document) > 0;
}
