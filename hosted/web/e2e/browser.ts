// A real Chromium for the end-to-end tests.

import { existsSync } from 'node:fs';
import { chromium, type Browser } from 'playwright-core';

const ARGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

// findChromium is the browser to use: what CHROMIUM says, else the distribution's. "" if there is none.
export function findChromium(): string {
  const candidates = process.env.CHROMIUM ? [process.env.CHROMIUM] : ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
  return candidates.find((c) => existsSync(c)) ?? '';
}

export const launch = (more: string[] = []): Promise<Browser> => chromium.launch({ executablePath: findChromium(), args: [...ARGS, ...more] });
