// The commands that a state allows; pure.

import type { State } from './status/state';

export interface MenuItem {
  readonly label: string;
  readonly command: string;
  readonly args: readonly unknown[];
}

const item = (label: string, command: string, ...args: unknown[]): MenuItem => ({ label, command, args });

const ASKING = [
  item('$(save-as) Export Completion to File...', 'neocaret.exportToFile'),
  item('$(wand) Generate from Prompt...', 'neocaret.generateFromPrompt'),
  item('$(selection) Generate from Selection', 'neocaret.generateFromSelection'),
  item('$(list-selection) Show Candidates', 'neocaret.showCandidates'),
  item('$(package) Select Model...', 'neocaret.selectModel'),
];

const REPORTS = [
  item('$(info) Show Status', 'neocaret.showStatus'),
  item('$(graph) Show Statistics', 'neocaret.showStatistics'),
];

const ALWAYS = [
  item('$(refresh) Restart', 'neocaret.restart'),
  item('$(output) Show Log', 'neocaret.showLog'),
  item('$(gear) Settings', 'workbench.action.openSettings', '@ext:neocaret.neocaret'),
];

const PAUSE = item('$(debug-pause) Pause...', 'neocaret.pauseSuggestions');
const RESUME = item('$(debug-start) Resume', 'neocaret.resumeSuggestions');
const INSTALL = item('$(cloud-download) Install the Server...', 'neocaret.install');

export function menuFor(state: State): readonly MenuItem[] {
  switch (state) {
    case 'missing':
      return [INSTALL, ...ALWAYS];
    case 'stopped':
    case 'failed':
      return [...ALWAYS, ...ASKING.slice(-1), INSTALL];
    case 'paused':
      return [RESUME, ...ASKING, ...REPORTS, ...ALWAYS];
    default:
      return [...ASKING, PAUSE, ...REPORTS, ...ALWAYS];
  }
}
