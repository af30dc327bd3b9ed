/**
 * The date formats of RFC 9110, 5.6.7: the preferred one and the two obsolete ones, which a recipient must
 * accept.
 */
const IMF_DATE = /(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (\d{2}) ([A-Z][a-z]{2}) (\d{4}) (\d{2}:\d{2}:\d{2}) GMT/g;
const RFC_850_DATE =
  /(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, (\d{2})-([A-Z][a-z]{2})-(\d{2}) (\d{2}:\d{2}:\d{2}) GMT/g;
const ASCTIME_DATE =
  /(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) ([A-Z][a-z]{2}) ([ \d]?\d) (\d{2}:\d{2}:\d{2}) (\d{4})(?: GMT)?/g;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const DECIMAL = /^\d{1,12}(\.\d{1,9})?$/;
const CENTURY = 100;

/**
 * The delay that the upstream asks for, in ms, rounded up. Null if it sends none that can be read. Sources:
 * `retry-after-ms`, its Azure twin, and the standard `Retry-After` with plain decimal seconds or a date in
 * any of the three forms. The longest value counts. Hex, units, exponents, negative numbers and dates in the
 * past are ignored.
 */
export function parseRetryAfterMs(headers: Headers, nowMs: number): number | null {
  const ms = ['retry-after-ms', 'x-ms-retry-after-ms'].flatMap((name) => decimals(headers.get(name)));
  const { dates, rest } = takeDates(headers.get('retry-after') ?? '', nowMs);
  const seconds = decimals(rest).map((value) => value * 1000);
  const untilDates = dates.map((date) => date - nowMs).filter((until) => until > 0);
  return longest([...ms, ...seconds, ...untilDates]);
}

/** The longest of several delays, rounded up to whole ms; null if there is none. */
export function longest(delays: readonly number[]): number | null {
  return delays.length === 0 ? null : Math.ceil(Math.max(...delays));
}

function decimals(list: string | null): number[] {
  return (list ?? '').split(',').flatMap((item) => (DECIMAL.test(item.trim()) ? [Number(item)] : []));
}

/**
 * Takes the dates (Unix ms) out of a header's values and returns the rest. Dates are taken first, because
 * both dates and lists contain commas.
 */
export function takeDates(
  values: string,
  nowMs: number,
): { readonly dates: readonly number[]; readonly rest: string } {
  const dates: (number | null)[] = [];
  const take = (date: number | null): string => {
    dates.push(date);
    return '';
  };
  const rest = values
    .replace(IMF_DATE, (_all, day: string, month: string, year: string, time: string) =>
      take(utc(Number(year), month, Number(day), time)),
    )
    .replace(RFC_850_DATE, (_all, day: string, month: string, year: string, time: string) =>
      take(utc(fullYear(Number(year), nowMs), month, Number(day), time)),
    )
    .replace(ASCTIME_DATE, (_all, month: string, day: string, time: string, year: string) =>
      take(utc(Number(year), month, Number(day), time)),
    );
  return { dates: dates.filter((date) => date !== null), rest };
}

/**
 * Expands a two-digit year. RFC 9110, 5.6.7: a year more than 50 years ahead means the latest past year with
 * the same two digits.
 */
function fullYear(twoDigits: number, nowMs: number): number {
  const thisYear = new Date(nowMs).getUTCFullYear();
  const year = thisYear - (thisYear % CENTURY) + twoDigits;
  if (year > thisYear + 50) return year - CENTURY;
  return year < thisYear - 50 ? year + CENTURY : year;
}

/** Unix ms of a UTC time; null for a day or a time that does not exist. */
function utc(year: number, monthName: string, day: number, time: string): number | null {
  const month = MONTHS.indexOf(monthName);
  const [hours = 0, minutes = 0, seconds = 0] = time.split(':').map(Number);
  if (month < 0 || hours > 23 || minutes > 59 || seconds > 60) return null;
  const ms = Date.UTC(year, month, day, hours, minutes, seconds);
  return new Date(Date.UTC(year, month, day)).getUTCDate() === day ? ms : null;
}
