// A person with a browser at a running hosted: what every end-to-end test begins with. README.md lists the variables.

import type { Browser, BrowserContext, Page } from 'playwright-core';
import type { CDR, CallPage, Sensor } from '../src/api/types';
import { findChromium, launch } from './browser';

export const base = (process.env.HOSTED_URL ?? '').replace(/\/$/, '');
export const name = process.env.NAME ?? '';
export const password = process.env.PASSWORD ?? '';
export const why = !base ? 'BASE_URL is not set: there is no hosted to test' : !findChromium() ? 'no Chromium: install it or set CHROMIUM' : '';
if (why) console.log(`end-to-end tests skipped: ${why}`);

export interface Visit {
  browser: Browser;
  context: BrowserContext;
  page: Page;
  foreign: string[]; // requests to other sites
  complaints: string[]; // errors in the console
  watch: (p: Page) => void;
}

// start begins one; args are further ones of the browser.
export async function start(args: string[] = []): Promise<Visit> {
  const browser = await launch(args);
  const context = await person(browser);
  const page = await context.newPage();
  const foreign: string[] = [];
  const complaints: string[] = [];
  const watch = (p: Page) => {
    p.setDefaultTimeout(20_000);
    p.on('request', (r) => {
      if (!r.url().startsWith(base) && !/^(data|blob):/.test(r.url())) foreign.push(r.url());
    });
    p.on('pageerror', (e) => complaints.push(`${p.url()}: ${e.message}`));
    p.on('console', (m) => {
      // What is refused in the course of a test is answered with 4xx, which Chromium reports as an error by itself.
      if (m.type() === 'error' && !/status of 4(00|01|04|12)/.test(m.text())) complaints.push(`${p.url()}: ${m.text()}`);
    });
  };
  watch(page);
  return { browser, context, page, foreign, complaints, watch };
}

export const person = (browser: Browser): Promise<BrowserContext> =>
  browser.newContext({ viewport: { width: 1440, height: 900 }, acceptDownloads: true, timezoneId: 'Europe/Prague', locale: 'en-GB' });

export async function login(page: Page, word = password, who = name) {
  await page.getByLabel('Name').fill(who);
  await page.getByLabel('Password').fill(word);
  await page.getByRole('button', { name: 'Log in' }).click();
}

// enter goes to a path through the login.
export async function enter(page: Page, path: string, word = password, who = name) {
  await page.goto(`${base}/login?next=${encodeURIComponent(path)}`);
  await login(page, word, who);
  await page.waitForURL(base + path);
}

export const get = <T,>(page: Page, path: string) => page.evaluate(async (url) => (await fetch(url)).json() as Promise<unknown>, path) as Promise<T>;

// keptCalls waits for ended calls (such as fit) whose packets are on a sensor that is online, and answers them, the largest first.
export async function keptCalls(page: Page, fit: (c: CDR) => boolean = () => true): Promise<CDR[]> {
  for (const end = Date.now() + 45_000; Date.now() < end; await page.waitForTimeout(500)) {
    const online = (await get<Sensor[]>(page, '/api/v1/sensors')).filter((s) => s.online).map((s) => s.id_sensor);
    const calls = (await get<CallPage>(page, '/api/v1/calls?kept=1')).calls.filter((c) => online.includes(c.sensor_id) && fit(c));
    if (calls.length > 0) return calls.sort((a, b) => b.capture.bytes - a.capture.bytes);
  }
  throw new Error('no such call with a capture on a sensor that is online within 45 s');
}
