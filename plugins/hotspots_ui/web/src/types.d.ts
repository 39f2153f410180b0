// What the modules of the page hand one another. The API's answers stand in answers.d.ts, which
// `make page-types` makes.
import type {
  AreaHits, CellHistory, Downloads, Geometry, Roads, Scores, WeekForecast, WeekHealth, WeekLine, WeekOutcome, Weeks,
} from "./answers";

export type * from "./answers";

// The answer to a path under v1/.
export type Answer<Path extends string> =
  Path extends "geometry" ? Geometry
  : Path extends "roads" ? Roads
  : Path extends "scores" ? Scores
  : Path extends "scores/areas" ? AreaHits
  : Path extends "weeks" ? Weeks
  : Path extends `weeks/${string}/forecast` ? WeekForecast
  : Path extends `weeks/${string}/health` ? WeekHealth
  : Path extends `weeks/${string}/outcome` ? WeekOutcome
  : Path extends `weeks/${string}/downloads` ? Downloads
  : Path extends `cells/${string}` ? CellHistory
  : never;

export type LayerName = "forecast" | "outcome" | "difference" | "long_run" | "change";
export interface Cell { row: number; col: number }
export type Band = 50 | 80 | 95; // in %
export interface Interval { q10: number; q90: number }
export type Value = number | null | undefined;

export interface State {
  city: string;
  week: string; // its Sunday; empty before one is known
  view: string;
  layer: LayerName;
  cell: Cell | null;
  weeks: WeekLine[]; // oldest first
  calendar: string[]; // every Sunday from the first week's to the last one's, issued or not
}

// What the map shows: a week's forecast and outcome, and the chosen layer's values in its order.
export interface Shown {
  forecast: WeekForecast;
  outcome: WeekOutcome | null;
  layer: LayerName;
  values: Value[];
  missing: string; // why there are no values; empty where there are
  isGap: boolean; // a week without a forecast; the forecast is another week's, for its cells alone
}

export interface Layer {
  name: string;
  unit: string;
  colour: (value: number) => string;
  steps: () => { colour: string; label: string }[];
}

// The page's own elements by id, where more than HTMLElement is asked of one.
export interface Elements {
  [id: string]: HTMLElement;
  back: HTMLButtonElement;
  on: HTMLButtonElement;
  city: HTMLSelectElement;
  link: HTMLInputElement;
  slider: HTMLInputElement;
  filter: HTMLInputElement;
}

export type Child = Node | string | number | null | undefined | Child[];
export type Attributes = Record<string, string | number | boolean | undefined | ((event: Event) => void)>;

export interface ApiError extends Error { status?: number }

declare global {
  interface Window { hotspots: { pointOf: (row: number, col: number) => { x: number; y: number } } }
}
