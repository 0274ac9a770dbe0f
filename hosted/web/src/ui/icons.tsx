// The few icons of the GUI, 16 x 16, drawn in the text's colour.

const PATHS = {
  pcap: 'M8 2v7m0 0L5 6.2M8 9l3-2.8M3 10.5V13h10v-2.5',
  held: 'M4 2.5h8M4 13.5h8M5 2.5c0 3.5 6 4.5 6 11M11 2.5c0 3.5-6 4.5-6 11',
  search: 'M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9Zm3.3 7.8L14 14',
  close: 'm4 4 8 8m0-8-8 8',
  back: 'M9.5 3 4.5 8l5 5',
  plus: 'M8 3v10M3 8h10',
  minus: 'M3 8h10',
  next: 'M6.5 3 11.5 8l-5 5',
  play: 'M4.5 2.8v10.4L13 8 4.5 2.8Z',
  pause: 'M5 3v10M11 3v10',
  link: 'M6.5 9.5l3-3M7 4.5 8.6 3a2.9 2.9 0 0 1 4.2 4.2L11.2 9M9 11.5 7.4 13a2.9 2.9 0 0 1-4.2-4.2L4.8 7',
  sun: 'M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6ZM8 1v1.6M8 13.4V15M1 8h1.6m10.8 0H15M3 3l1.2 1.2m7.6 7.6L13 13m0-10-1.2 1.2M4.2 11.8 3 13',
  moon: 'M13 9.6A5.5 5.5 0 0 1 6.4 3a5.5 5.5 0 1 0 6.6 6.6Z',
  auto: 'M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2Zm0 0v12M8 5l5-.5M8 8h6M8 11l4.5.5',
  bad: 'M8 2.2 14.4 13.4H1.6L8 2.2Zm0 4v3.4m0 1.6v.6',
  warn: 'M8 1.8 14.2 8 8 14.2 1.8 8 8 1.8ZM8 5v3.6m0 1.7v.6',
  info: 'M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2Zm0 5.2V11M8 4.8v.6',
  ok: 'M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2ZM5.2 8.2l2 2 3.6-4',
  copy: 'M5.5 5.5h7v8h-7zM3.5 10.5v-8h7',
  user: 'M8 2.5a2.6 2.6 0 1 0 0 5.2 2.6 2.6 0 0 0 0-5.2ZM3 13.5c.4-2.6 2.4-4 5-4s4.6 1.4 5 4',
  logout: 'M9.5 2.5h-6v11h6M6.5 8h7m0 0-2.5-2.5M13.5 8 11 10.5',
  star: 'm8 2 1.8 3.8 4.2.5-3.1 2.9.8 4.1L8 11.3l-3.7 2 .8-4.1L2 6.3l4.2-.5L8 2Z',
  columns: 'M2.5 3h11v10h-11zM6.2 3v10M9.8 3v10',
  export: 'M8 10V2.5m0 0L5 5.3m3-2.8 3 2.8M3 9.5V13h10V9.5',
  filter: 'M2 3.5h12M4.5 8h7M6.5 12.5h3',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, label }: { name: IconName; label?: string }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" width="16" height="16" {...(label ? { role: 'img', 'aria-label': label } : { 'aria-hidden': true })}>
      {label && <title>{label}</title>}
      <path d={PATHS[name]} />
    </svg>
  );
}
