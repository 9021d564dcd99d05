// The places where a server may be, in their order: the selected Python environment, PATH, and our own.

import { homedir } from 'node:os';
import { join } from 'node:path';
import * as vscode from 'vscode';
import { fileNames, findIn, isExecutable, programsOf, SCRIPT, searchPath } from './executables';
import { discover } from './discovery';
import type { Found, Place } from './discovery';
import { selectedPrograms } from './pythonExtension';

/** Where the extension installs a server when it is asked to. */
export function ownEnvironment(context: vscode.ExtensionContext): string {
  return join(context.globalStorageUri.fsPath, 'server');
}

/** Look in all places; undefined where there is no server. */
export async function findServer(context: vscode.ExtensionContext): Promise<Found | undefined> {
  const names = fileNames(SCRIPT);
  const places: Place[] = [
    { name: 'the selected Python environment', find: async () => findIn(await selectedPrograms(), names) },
    { name: 'PATH', find: async () => findIn(searchPath(process.env), names) },
    { name: "the extension's own environment", find: async () => findIn([programsOf(ownEnvironment(context))], names) },
  ];
  return discover(pathSetting(), isExecutable, places);
}

function pathSetting(): string {
  const given = vscode.workspace.getConfiguration('neocaret').get<string>('server.path', '').trim();
  return given.startsWith('~/') ? join(homedir(), given.slice(2)) : given;
}
