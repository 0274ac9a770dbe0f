// A small bar chart of counts with its numbers in sight.

import { count } from '../format';

export const BURSTS = ['1', '2', '3', '4', '5', '6', '7', '8', '9', '10+'];
export const PDV = ['50', '70', '90', '120', '150', '200', '300'];

interface Props {
  title: string;
  unit: string;
  labels: string[];
  values: number[];
  none: string; // what it means when all are 0
}

export function Histogram({ title, unit, labels, values, none }: Props) {
  const max = Math.max(0, ...values);
  return (
    <figure class="histogram">
      <figcaption>
        <strong>{title}</strong> <small>{unit}</small>
      </figcaption>
      {max === 0 ? (
        <p class="quiet">{none}</p>
      ) : (
        <ol>
          {labels.map((l, i) => {
            const v = values[i] ?? 0;
            return (
              <li key={l}>
                <span class="value">{v ? count(v) : ''}</span>
                <span class="column" style={{ height: `${v ? Math.max(3, (46 * v) / max) : 1}px` }} />
                <span class="tick">{l}</span>
              </li>
            );
          })}
        </ol>
      )}
    </figure>
  );
}
