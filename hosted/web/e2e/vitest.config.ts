import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

// Two files run side by side: each has a browser of its own, and leaves alone what others look at. The longest begin: an alert may
// take a minute to fire, which is waiting only.
const FIRST = ['alerts', 'gui'];
const place = (s: TestSpecification) => {
  const i = FIRST.findIndex((f) => s.moduleId.endsWith(`/${f}.test.ts`));
  return i < 0 ? FIRST.length : i;
};

class LongestFirst extends BaseSequencer {
  override sort(files: TestSpecification[]) {
    return Promise.resolve(files.toSorted((a, b) => place(a) - place(b) || a.moduleId.localeCompare(b.moduleId)));
  }
}

// Vitest gives BASE_URL a meaning of its own inside the tests, so ours is passed on by another name.
export default defineConfig({
  test: {
    include: ['e2e/**/*.test.ts'], maxWorkers: 2, sequence: { sequencer: LongestFirst },
    expect: { poll: { timeout: 20_000, interval: 50 } }, testTimeout: 60_000, hookTimeout: 60_000, env: { HOSTED_URL: process.env.BASE_URL ?? '' },
  },
});
