// What a browser calls itself, in two words: enough to tell one's own sessions apart.

const BROWSERS: [RegExp, string][] = [
  [/\bEdgA?\//, 'Edge'], [/\bOPR\//, 'Opera'], [/\bFirefox\/|\bFxiOS\//, 'Firefox'], [/\bHeadlessChrome\/|\bChromium\//, 'Chromium'], [/\bChrome\/|\bCriOS\//, 'Chrome'],
  [/\bSafari\//, 'Safari'],
];
const SYSTEMS: [RegExp, string][] = [
  [/Android/, 'Android'], [/iPhone|iPad|iPod/, 'iOS'], [/Windows/, 'Windows'], [/Mac OS X|Macintosh/, 'macOS'], [/CrOS/, 'ChromeOS'], [/Linux/, 'Linux'],
];

export function agentName(agent: string): string {
  const browser = BROWSERS.find(([r]) => r.test(agent))?.[1];
  const system = SYSTEMS.find(([r]) => r.test(agent))?.[1];
  if (browser && system) return `${browser}, ${system}`;
  return browser ?? (agent.split(/[\s/]/)[0]!.slice(0, 40) || 'unknown');
}
