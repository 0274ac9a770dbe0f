// Writing capture rules in a browser: wrong, right, saved, in force on the sensor; and two people at once.

import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CDR, Rules, Sensor, SensorRules } from '../src/api/types';
import { base, enter, get, keptCalls, start, why, type Visit } from './visit';

describe.skipIf(why !== '')('the rules page', () => {
  let visit: Visit;
  let page: Page;
  let call: CDR;
  let before: Rules;

  beforeAll(async () => {
    visit = await start();
    page = visit.page;
    await enter(page, '/calls');
    call = (await keptCalls(page))[0]!;
    before = await get<Rules>(page, '/api/v1/rules');
    await page.goto(`${base}/rules`);
    await text().waitFor();
  });
  afterAll(async () => {
    await visit?.browser.close();
  });

  const text = () => page.getByRole('textbox', { name: 'Capture rules' });
  const verdict = () => page.locator('.verdict');
  const save = () => page.getByRole('button', { name: 'Save', exact: true });
  const put = (text: string, revision: number) =>
    page.evaluate(async ([t, r]) => (await fetch('/api/v1/rules', { method: 'PUT', body: JSON.stringify({ text: t, revision: r }), headers: { 'Content-Type': 'application/json' } })).status, [text, revision] as const);

  test('says what is wrong, where, and mends it with one click', async () => {
    await text().fill('# test\nwanted: keep rtp when calle:1001\nrest: keep none\n');
    await verdict().getByRole('button', { name: 'Line 2, column 23' }).waitFor();
    await expect.poll(async () => (await page.locator('.gutter b').innerText()).trim()).toBe('2');
    await expect.poll(() => page.locator('.wrong').innerText()).toContain('calle');
    await expect.poll(() => save().isDisabled()).toBe(true);
    const word = await page.locator('[data-action=fix] code').innerText();
    await page.locator('[data-action=fix]').click();
    await expect.poll(() => text().inputValue()).toBe(`# test\nwanted: keep rtp when ${word}:1001\nrest: keep none\n`);
    await page.getByText('2 rules, no error. Not saved yet.').waitFor();
  });

  test('shows beside what each rule would have kept of past calls', async () => {
    await expect.poll(() => page.locator('tr[data-rule]').evaluateAll((rows) => rows.map((r) => r.getAttribute('data-rule')))).toEqual(['wanted', 'rest']);
    const rest = Number((await page.locator('tr[data-rule=rest] td.n').first().innerText()).replace(/\D/g, ''));
    expect(rest, 'calls for which the rule without a condition decides').toBeGreaterThan(0);
  });

  test('completes words, with the keyboard alone', async () => {
    await text().focus();
    await text().press('Control+End');
    await page.keyboard.type('tls: keep sip when transp');
    await page.getByRole('option', { name: /^transport/ }).waitFor();
    await page.keyboard.press('Enter');
    await page.getByRole('option', { name: /^udp/ }).waitFor();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Tab');
    await expect.poll(async () => (await text().inputValue()).split('\n').at(-1)).toMatch(/^tls: keep sip when transport:\w+$/);
    await page.keyboard.press('Control+z');
    await expect.poll(async () => (await text().inputValue()).split('\n').at(-1)).toMatch(/^tls: keep sip when transport:$/);
    for (let i = 0; i < 30 && /tls: /.test(await text().inputValue()); i++) await page.keyboard.press('Control+Backspace');
    expect(await page.evaluate(() => document.activeElement?.tagName)).toBe('TEXTAREA');
  });

  test('keeps what was not saved through a look at another page', async () => {
    const draft = await text().inputValue();
    await page.getByRole('navigation').getByRole('link', { name: 'Calls' }).click();
    await page.getByRole('navigation').getByRole('link', { name: 'Rules' }).click();
    await expect.poll(() => text().inputValue()).toBe(draft);
  });

  test('saves, and the sensor reports the revision at once', async () => {
    await text().fill('# test\nwanted: keep rtp when callee:1001\nrest: keep none\n');
    await page.getByText('2 rules, no error. Not saved yet.').waitFor();
    await text().press('Control+s');
    await page.getByText(`Saved as revision ${before.revision + 1}.`).waitFor();
    await page.locator('.in-force [data-sensor]').filter({ hasText: `revision ${before.revision + 1} in force` }).first().waitFor();
    const sensor = (await get<Sensor[]>(page, '/api/v1/sensors')).find((s) => s.online)!;
    expect(sensor).toMatchObject({ hosted_rule_revision: before.revision + 1, rules_current: true, rules_problem: null });
    const there = await get<SensorRules>(page, `/api/v1/sensors/${sensor.uuid}/api/rules`);
    expect(there.hosted).toMatchObject({ revision: before.revision + 1, text: await text().inputValue() });
  });

  test('shows the rules of the sensor itself, and who changed those of the tenant', async () => {
    await page.locator('.in-force [data-sensor] summary').first().click();
    await page.locator('.in-force [data-sensor] .rule-text, .in-force [data-sensor] p').first().waitFor();
    await page.getByText(`Revision ${before.revision + 1}`, { exact: true }).click();
    await page.locator('.diff .new').filter({ hasText: 'wanted: keep rtp when callee:1001' }).waitFor();
  });

  test('meets another’s change with both texts in view, and puts them together', async () => {
    await text().fill('# test\nwanted: keep rtp when callee:1001\nrest: keep none\nmine: keep sip\n');
    expect(await put('# theirs\nwanted: keep rtp when callee:1001\nrest: keep none\n', before.revision + 1)).toBe(200);
    await page.getByText('3 rules, no error. Not saved yet.').waitFor();
    await save().click();
    const conflict = page.getByRole('alert').filter({ hasText: `saved revision ${before.revision + 2} while you were writing` });
    await conflict.locator('.new').filter({ hasText: '# theirs' }).waitFor();
    await conflict.getByRole('button', { name: 'Put both together' }).click();
    await expect.poll(() => text().inputValue()).toBe('# theirs\nwanted: keep rtp when callee:1001\nrest: keep none\nmine: keep sip\n');
    await save().click();
    await page.getByText(`Saved as revision ${before.revision + 3}.`).waitFor();
  });

  test('makes a rule from a call', async () => {
    await page.goto(`${base}/rules?call=${call.id}`);
    const box = page.locator('.from-call');
    const rule = await box.locator('.command code').innerText();
    expect(rule).toMatch(/^keep-\S+: keep rtp when \S+/);
    await box.getByRole('button', { name: 'Put it first' }).click();
    await expect.poll(() => text().inputValue()).toBe(`${rule}\n# theirs\nwanted: keep rtp when callee:1001\nrest: keep none\nmine: keep sip\n`.replace(/^(.*\n)# theirs\n/, '$1# theirs\n'));
    await page.locator('tr[data-rule]').nth(3).waitFor();
    const decides = page.locator('tr[data-rule]').first().locator('td.n').first();
    await expect.poll(() => decides.innerText(), { message: 'calls that the rule made from one of them decides for' }).toMatch(/^[1-9]/);
  });

  test('leaves the rules as they were', async () => {
    await page.getByRole('button', { name: 'Discard' }).click();
    const now = await get<Rules>(page, '/api/v1/rules');
    expect(await put(before.text, now.revision)).toBe(200);
    expect(visit.complaints).toEqual([]);
  });
});
