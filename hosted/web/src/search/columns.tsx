// Which columns the calls list has, in which order; kept in this browser.

import { COLUMNS, isUsual, USUAL, type Column } from '../pages/columns';
import { setPrefs } from '../prefs';
import { Icon } from '../ui/icons';

export function Columns({ columns }: { columns: Column[] }) {
  const write = (list: Column[]) => setPrefs({ columns: isUsual(list) ? [] : list.map((c) => c.name) });
  const swap = (i: number, j: number) => {
    const list = [...columns];
    [list[i], list[j]] = [list[j]!, list[i]!];
    write(list);
  };
  const others = COLUMNS.filter((c) => !columns.includes(c));
  return (
    <>
      <p class="quiet">Any field of a record. The choice is kept in this browser; saved searches and exports take it along.</p>
      <h3 id="shown">Shown</h3>
      <ul class="own-columns" aria-labelledby="shown" data-list="shown">
        {columns.map((c, i) => (
          <li key={c.name} data-column={c.name}>
            <span>{c.head} {c.doc && <small class="quiet">{c.doc}</small>}</span>
            <button type="button" class="quiet-button" aria-label={`${c.head}: up`} disabled={i === 0} onClick={() => swap(i, i - 1)}>↑</button>
            <button type="button" class="quiet-button" aria-label={`${c.head}: down`} disabled={i === columns.length - 1} onClick={() => swap(i, i + 1)}>↓</button>
            <button type="button" class="quiet-button" aria-label={`Hide ${c.head}`} disabled={columns.length === 1} onClick={() => write(columns.filter((x) => x !== c))}><Icon name="close" /></button>
          </li>
        ))}
      </ul>
      {others.length > 0 && <h3 id="others">More</h3>}
      <ul class="own-columns" aria-labelledby="others" data-list="others">
        {others.map((c) => (
          <li key={c.name} data-column={c.name}>
            <span>{c.head} {c.doc && <small class="quiet">{c.doc}</small>}</span>
            <button type="button" class="quiet-button" aria-label={`Show ${c.head}`} onClick={() => write([...columns, c])}><Icon name="plus" /></button>
          </li>
        ))}
      </ul>
      {!isUsual(columns) && <p><button type="button" class="link" onClick={() => write(USUAL)}>The usual columns</button></p>}
    </>
  );
}
