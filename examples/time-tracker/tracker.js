#!/usr/bin/env node
// A time tracker: start, stop, status, log. See README.md.
import { homedir } from 'node:os';
import { join } from 'node:path';
import { Tracker, TrackerError } from './sessions.js';

const usage = `Usage: tracker start PROJECT | stop | status | log | recover
The sessions are in the folder TRACKER_DIR (default: ~/.tracker).`;

const tracker = new Tracker(process.env['TRACKER_DIR'] ?? join(homedir(), '.tracker'));

const commands = {
  async start(project) {
    if (project === undefined) throw new TrackerError('Which project?');
    const session = await tracker.start(project);
    return `Started ${session.project} at ${clock(session.start)} (${session.id})`;
  },

  async stop() {
    const session = await tracker.stop();
    return `Stopped ${session.project} after ${duration(session)} (${session.id})`;
  },

  async status() {
    const session = await tracker.active();
    return session === null
      ? 'Nothing is being tracked'
      : `Tracking ${session.project} since ${clock(session.start)}, ${duration(session)}`;
  },

  async log() {
    const sessions = await tracker.log();
    return sessions
      .map((session) => `${clock(session.start)}  ${duration(session).padStart(9)}  ${session.project}`)
      .join('\n');
  },

  async recover() {
    const { completed, kept } = await tracker.recover();
    for (const { path, reason } of kept) console.error(`tracker: "${path}" is left as it is: ${reason}`);
    return completed.length === 0 ? 'Nothing was left undone' : `Completed: ${completed.join(', ')}`;
  },
};

function clock(time) {
  return time.slice(0, 16).replace('T', ' ');
}

function duration({ start, end = new Date().toISOString() }) {
  const seconds = Math.round((Date.parse(end) - Date.parse(start)) / 1000);
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  return `${hours}h ${minutes}m ${seconds % 60}s`;
}

const [name, ...given] = process.argv.slice(2);
if (!Object.hasOwn(commands, name ?? '') || given.length > (name === 'start' ? 1 : 0)) {
  console.error(usage);
  process.exitCode = 2;
} else {
  try {
    console.log(await commands[name](...given));
  } catch (error) {
    console.error(`tracker: ${error.message}`);
    process.exitCode = error instanceof TrackerError ? 1 : 3;
  }
}
