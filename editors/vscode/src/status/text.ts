// What the status bar says; pure.

import type { Progress, Status } from './state';

export interface Shown {
  readonly text: string;
  readonly tooltip: string;
  readonly warns: boolean;
}

/** Silences that say nothing to a user who types on, or who has switched one of two ways off. */
const PASSING = new Set([
  ...['superseded', 'cancelled', 'changed', 'deadline', 'model-loading', 'model-paused'],
  ...['popup-off', 'inline-off'],
]);

/** The item for a status, while so many questions wait for an answer. */
export function shown(status: Status, waiting: number): Shown {
  const tooltip = `Neocaret${status.model === undefined ? '' : ` (${status.model})`}: ${sentence(status, waiting)}`;
  return { text: label(status, waiting), tooltip, warns: status.state === 'missing' || status.state === 'failed' };
}

function label(status: Status, waiting: number): string {
  switch (status.state) {
    case 'missing':
      return '$(warning) Neocaret: no server';
    case 'starting':
      return '$(loading~spin) Neocaret: starting';
    case 'loading':
      return `$(loading~spin) Neocaret: loading${percent(status.progress)}`;
    case 'paused':
      return '$(debug-pause) Neocaret: paused';
    case 'failed':
      return '$(error) Neocaret: failed';
    case 'stopped':
      return '$(circle-slash) Neocaret: stopped';
    case 'ready':
      return waiting > 0 ? '$(loading~spin) Neocaret' : `$(sparkle) Neocaret${silence(status)}`;
  }
}

function silence(status: Status): string {
  return status.reason === undefined || PASSING.has(status.reason) ? '' : `: ${status.reason.replaceAll('-', ' ')}`;
}

function percent(progress: Progress | undefined): string {
  return progress?.total ? ` ${Math.floor((100 * progress.done) / progress.total)} %` : '';
}

function sentence(status: Status, waiting: number): string {
  switch (status.state) {
    case 'missing':
      return 'there is no server. Click to install it, or to say where it is.';
    case 'starting':
      return 'the server is starting.';
    case 'loading':
      return status.progress?.message ?? 'the model is loading.';
    case 'paused':
      return status.reasonText ?? 'paused.';
    case 'failed':
      return status.reasonText ?? 'the model could not be loaded.';
    case 'stopped':
      return 'the server has stopped.';
    case 'ready':
      if (waiting > 0) {
        return 'thinking.';
      }
      return status.reasonText === undefined ? 'ready.' : `no suggestion. ${status.reasonText}`;
  }
}
