// The page adds up the cubes that taxi_pipeline.site.dashboard wrote: whole numbers, money in cents.
const data = JSON.parse(document.getElementById("data").textContent);
const {services, companies, months, boroughs, boroughCodes, zones, days, payments, reasons, pairs, bands, annotations, loaded, completeness, sizes, cubes} = data;
for (const cube of Object.values(cubes)) cube.values = decode(cube.values);

/** Whole numbers in base 64 and of variable length, as in a source map; 0 is followed by how many zeros it stands for. */
function decode(text) {
  const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", values = [];
  let number = 0, scale = 1, isRun = false;
  for (const character of text) {
    const digit = digits.indexOf(character);
    number += digit % 32 * scale;
    scale *= 32;
    if (digit >= 32) continue;
    const value = Math.floor(number / 2) * (number % 2 ? -1 : 1);
    if (isRun) for (let zero = 0; zero < value; zero += 1) values.push(0);
    else if (value) values.push(value);
    isRun = !isRun && value === 0;
    [number, scale] = [0, 1];
  }
  return values;
}

const COLORS = services.map(service => `var(--${service.name.toLowerCase()})`);
const BOROUGH_COLORS = boroughs.map((_, borough) => `var(--b${borough})`);
const AIRPORT_COLORS = ["var(--a0)", "var(--a1)", "var(--a2)"];
const WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const TOP = 10;
const NARROWEST = 280; // pixels: bars and their names need no less
const NO_FARES = "There is no metered revenue to show: FHV files carry no fares, and rider payments of HVFHV are a measure of their own.";
const HIDDEN = "All selected months are incomplete and hidden. Turn off \u201cLeave out incomplete months\u201d to see them.";
/** Whether the switch hides every selected month. */
const isHidden = keep => !keep.shown.length && keep.leftOut > 0;
/** Whether HVFHV months are in the selection that the switch for incomplete ones leaves out. */
const leavesOutRides = keep => services.some((one, place) => one.rides && keep.service[place] && range(keep.from, keep.to).some(month => loaded[place][month] && !keep.usable[place][month]));

// ---------------------------------------------------------------- words and numbers
const format = options => {
  const formatter = new Intl.NumberFormat("en-US", options);
  return value => formatter.format(value).replace("-", "−");
};
const whole = format({maximumFractionDigits: 0});
const compact = format({notation: "compact", maximumFractionDigits: 2});
const short = format({notation: "compact", maximumFractionDigits: 1});
const dollars = format({style: "currency", currency: "USD"});
const compactDollars = format({style: "currency", currency: "USD", notation: "compact", maximumFractionDigits: 2});
const shortDollars = format({style: "currency", currency: "USD", notation: "compact", maximumFractionDigits: 1});
const oneDecimal = format({minimumFractionDigits: 1, maximumFractionDigits: 1});
const twoDigits = format({maximumSignificantDigits: 2});
const percent = share => `${oneDecimal(100 * share)} %`;
const money = cents => dollars(cents / 100);
const NAMES = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const isYear = period => period.length === 4;
const monthName = month => isYear(month) ? month : `${NAMES[Number(month.slice(5)) - 1]} ${month.slice(0, 4)}`;
const range = (from, to) => Array.from({length: to - from + 1}, (_, place) => from + place);
const total = numbers => numbers.reduce((sum, number) => sum + number, 0);
/** The largest 1, 2 or 5 with zeros behind it that is no larger. */
const round = value => [5, 2, 1].map(digit => digit * 10 ** Math.floor(Math.log10(value))).find(nice => nice <= value) ?? 0;
const plural = (count, word) => `${whole(count)} ${word}${count === 1 ? "" : "s"}`;

// ---------------------------------------------------------------- sums
/** Sums of a measure over the members that `keep` has, by the axes `by`: nested lists in their order. */
function sums(measure, by, keep) {
  const {axes, values} = cubes[measure];
  const out = new Float64Array(by.reduce((cells, axis) => cells * sizes[axis], 1));
  const strides = axes.map(axis => {
    const place = by.indexOf(axis);
    return place < 0 ? 0 : by.slice(place + 1).reduce((cells, inner) => cells * sizes[inner], 1);
  });
  const walk = (depth, cell, target, service) => {
    if (depth === axes.length) { out[target] += values[cell]; return; }
    const axis = axes[depth], size = sizes[axis], kept = keep[axis];
    for (let member = 0; member < size; member += 1) {
      if (kept && !kept[member]) continue;
      const month = axis === "month" ? member : axis === "day" ? monthOf[member] : -1;
      if (month >= 0 && keep.usable && !keep.usable[service][month]) continue;
      walk(depth + 1, cell * size + member, target + member * strides[depth], axis === "service" ? member : service);
    }
  };
  walk(0, 0, 0, -1); // every cube begins with the service
  const nest = (axis, from) => {
    if (axis === by.length) return out[from];
    const stride = by.slice(axis + 1).reduce((cells, inner) => cells * sizes[inner], 1);
    return range(0, sizes[by[axis]] - 1).map(member => nest(axis + 1, from + member * stride));
  };
  return nest(0, 0);
}

const monthOf = days.map(day => months.indexOf(day.slice(0, 7)));
const metered = services.map(service => service.metered);
const riding = services.map(service => service.rides);
const both = (one, other) => one.map((kept, place) => kept && other[place]);

// ---------------------------------------------------------------- filters
const element = id => document.getElementById(id);
const form = document.querySelector("form.filters");
const make = (name, attributes = {}, ...children) => {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
};
const svg = (name, attributes) => {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
};
const option = (label, value, selected) => {
  const node = make("option", {value}, label);
  node.defaultSelected = selected;
  return node;
};

for (const [place, service] of services.entries()) {
  const box = make("input", {type: "checkbox", name: "service", value: place, checked: ""});
  const swatch = make("i", {class: "swatch", style: `background:${COLORS[place]}`});
  element("services").append(make("label", {}, box, swatch, service.name));
}
for (const [place, month] of months.entries()) {
  element("from").append(option(monthName(month), place, place === 0));
  element("to").append(option(monthName(month), place, place === months.length - 1));
}
element("borough").append(option("All boroughs", "", true), ...boroughs.map((name, place) => option(name, place, false)));
form.reset();

const isPart = (service, month) => completeness[service][month]?.state === "part";
/** How complete a month is over the selected services: one of them speaks for itself, several are named. */
function completenessOf(keep, month) {
  const found = services.flatMap((service, place) => (keep.service[place] && keep.usable[place][month] && completeness[place][month] ? [[service.name, completeness[place][month].text]] : []));
  const texts = [...new Set(found.map(([, text]) => text))];
  return texts.length < 2 ? texts[0] ?? "" : found.map(([name, text]) => `${name}: ${text}`).join("; ");
}
const hasPart = (keep, month) => services.some((_, place) => keep.service[place] && keep.usable[place][month] && isPart(place, month));
/** What a tooltip adds for a month of which only a part is loaded. */
const warning = row => (row.part ? `\nIncomplete: ${row.completeness}` : "");

/** What no control of the form holds: the first and the last day (places in `days`) and a zone (place in `zones`). */
const picked = {days: null, zone: null};
/** Days narrow the months that are shown to those that they lie in. */
function monthsShown() {
  const [from, to] = [Number(element("from").value), Number(element("to").value)];
  return picked.days ? [Math.max(from, monthOf[picked.days[0]]), Math.min(to, monthOf[picked.days[1]])] : [from, to];
}
/** A choice that the other filters leave nothing of is dropped. */
function dropStale() {
  const [from, to] = monthsShown();
  if (from > to) picked.days = null;
  if (picked.zone !== null && element("borough").value !== String(zones[picked.zone].borough)) picked.zone = null;
}

const dropoffs = () => element("end").value === "dropoff";

/** What is selected, as the members to keep of each axis. */
function selection() {
  const boxes = [...form.querySelectorAll("[name=service]")];
  const [from, to] = monthsShown();
  const chosen = element("borough").value;
  const service = boxes.map(box => box.checked);
  const borough = boroughs.map((_, place) => chosen === "" || place === Number(chosen));
  const month = months.map((_, place) => place >= from && place <= to);
  const wholeOnly = Boolean(element("whole")?.checked);
  const usable = loaded.map((months, number) => months.map((isLoaded, place) => Boolean(isLoaded) && !(wholeOnly && isPart(number, place))));
  // Months in which a selected service has a file: the others would be gaps.
  const shown = range(from, to).filter(place => service.some((kept, number) => kept && usable[number][place]));
  const leftOut = range(from, to).reduce((count, place) => count + service.filter((kept, number) => kept && loaded[number][place] && !usable[number][place]).length, 0);
  const place = zones.map(zone => borough[zone.borough]);
  return {
    service, borough, month, shown, from, to, usable, leftOut, place,
    zone: picked.zone === null ? place : zones.map((_, number) => number === picked.zone),
    pair: pairs.map(pair => (picked.zone === null ? place[pair.from] : pair.from === picked.zone)),
    day: picked.days && days.map((_, at) => at >= picked.days[0] && at <= picked.days[1] && month[monthOf[at]]),
    outer: range(Number(element("from").value), Number(element("to").value)).filter(place => service.some((kept, number) => kept && usable[number][place])),
    hasRides: services.some((one, number) => one.rides && service[number] && shown.some(place => usable[number][place])),
    hasMoney: both(service, metered).some((kept, number) => kept && shown.some(place => usable[number][place])),
  };
}

// ---------------------------------------------------------------- parts of a chart
const axisPeriods = (places, width) => {
  const step = Math.max(1, Math.ceil(places.length / Math.max(2, Math.floor(width / 46))));
  const ticks = places.filter((_, place) => place % step === 0);
  return {
    x: {type: "band", domain: places, label: null, padding: places.length < 5 ? .45 : .2},
    mark: Plot.axisX(ticks, {
      tickSize: 0, label: null, lineHeight: 1.25,
      text: (month, place) => isYear(month) ? month : NAMES[Number(month.slice(5)) - 1] + (place === 0 || month.slice(0, 4) !== ticks[place - 1].slice(0, 4) ? `\n${month.slice(0, 4)}` : ""),
    }),
  };
};
const legend = (panel, items, hatched) => panel.querySelector(".legend").replaceChildren(...[...items, ...(hatched ? [["Incomplete month", "", "swatch hatched"]] : [])].map(([name, color, kind = "swatch"]) =>
  make("span", {}, make("i", color ? {class: kind, style: `background:${color}`} : {class: kind}), name)));
const message = text => make("p", {class: "empty"}, text);
const tip = {tip: {lineWidth: 24, fontSize: 12}};

const isGapless = shown => shown.every((place, order) => order === 0 || 12 * (months[place].slice(0, 4) - months[shown[order - 1]].slice(0, 4)) + (months[place].slice(5) - months[shown[order - 1]].slice(5)) === 1);

/** Events of the services `kept` (places) in the months `within`, each date and label once, with the letter that charts show. */
function eventsOf(keep, kept = services.map((_, place) => place)) {
  const names = kept.filter(place => keep.service[place]).map(place => services[place].name);
  const found = annotations.filter(one => keep.outer.includes(months.indexOf(one.date.slice(0, 7))));
  const distinct = [...new Map(found.map(one => [one.date + one.label, one])).keys()];
  return distinct.flatMap((key, letter) => {
    const of = found.filter(one => one.date + one.label === key && (one.service === "all" || names.includes(one.service)));
    return of.length ? [{...of[0], month: of[0].date.slice(0, 7), letter: String.fromCharCode(65 + letter % 26)}] : [];
  });
}
const eventsText = events => events.map(event => `${event.letter}: ${event.label.replace(/^[A-Z](?![A-Z])/, first => first.toLowerCase())}, ${event.date}.`).join(" ");
const inMonths = (keep, events) => events.filter(event => keep.shown.includes(months.indexOf(event.month)));
const metersOnly = services.flatMap((service, place) => (service.metered ? [place] : []));
/** Thin rules with their letters above: rows of {x, letter, label, date}. */
const eventMarks = (events, lift) => [
  Plot.ruleX(events, {x: "x", stroke: "var(--text)", strokeWidth: 1, strokeDasharray: "3,3"}),
  Plot.text(d3.groups(events, event => event.x).map(([x, all]) => ({x, letter: all.map(event => event.letter).join(" "), title: all.map(event => `${event.date}: ${event.label}`).join("\n")})),
    {x: "x", text: "letter", title: "title", frameAnchor: "top", dy: -lift, fontWeight: 700, fontSize: 11}),
];

/** A hatched pattern of a color, for what is only a part of its month. */
const patterns = document.body.appendChild(svg("svg", {class: "patterns", "aria-hidden": "true"}));
function hatch(color) {
  const id = `hatch-${color.replace(/\W/g, "")}`;
  if (!document.getElementById(id)) {
    const pattern = svg("pattern", {id, width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)"});
    pattern.append(svg("rect", {width: 6, height: 6, style: `fill:${color}`, opacity: .18}), svg("rect", {width: 2.4, height: 6, style: `fill:${color}`}));
    patterns.append(pattern);
  }
  return `url(#${id})`;
}

const MOST_MONTHS = 48; // columns; more months are drawn as years
const isByYear = keep => keep.shown.length > MOST_MONTHS;
/** The rows of columns, added up by year where there are too many months. A year that lacks a month is as incomplete as one with a part of a month. */
function byPeriod(rows, keep) {
  if (!isByYear(keep)) return {bars: rows, periods: keep.shown.map(place => months[place]), periodOf: month => month};
  const periodOf = month => month.slice(0, 4);
  const bars = d3.rollups(rows, all => {
    const held = all.filter(row => !row.part).length;
    return {...all[0], month: periodOf(all[0].month), part: held < 12, completeness: `${held} of 12 months are whole`, cents: total(all.map(row => row.cents ?? 0)), value: total(all.map(row => row.value))};
  }, row => periodOf(row.month), row => row.group).flatMap(([, groups]) => groups.map(([, bar]) => bar));
  return {bars, periods: [...new Set(keep.shown.map(place => periodOf(months[place])))], periodOf};
}

/** Stacked columns by month: rows of {month, value, group}. */
function columns(rows, keep, groups, colors, width, label, tick, title, events = []) {
  const {bars, periods, periodOf} = byPeriod(rows, keep);
  const painted = bars.map(row => ({...row, color: row.part ? hatch(colors[groups.indexOf(row.group)]) : colors[groups.indexOf(row.group)]}));
  const axis = axisPeriods(periods, width);
  const totals = periods.map(month => ({month, value: total(bars.filter(row => row.month === month).map(row => row.value))}));
  const named = totals.length <= Math.max(2, Math.floor((width - 58) / 56)) && (totals.length < 4 || width > 420);
  const most = Math.max(...totals.map(row => row.value));
  return Plot.plot({
    width, height: 250, marginLeft: 54, marginRight: 4, marginTop: events.length ? 34 : 26, marginBottom: 36, ariaLabel: label,
    x: axis.x, y: {label: null, grid: true, nice: true, zero: true, ticks: 5, tickFormat: tick, ...(most > 0 ? {} : {domain: [0, 1], nice: false})},
    marks: [
      Plot.axisY({tickFormat: tick, ticks: 5, tickSize: 0, label: null}),
      Plot.barY(painted, Plot.stackY({x: "month", y: "value", z: "group", fill: "color", order: groups, stroke: "var(--surface)", strokeWidth: .6, title, ...tip})),
      Plot.ruleY([0], {stroke: "var(--muted)"}),
      axis.mark,
      ...(events.length ? eventMarks(events.map(event => ({...event, x: periodOf(event.month)})), 26) : []),
      named ? Plot.text(totals.filter(row => row.value), {x: "month", y: "value", text: row => tick(row.value), dy: -9, fontWeight: 600}) : null,
    ],
  });
}

/** Bars with their value behind them: rows of {name, value, group?}. */
function bars(rows, names, width, left, text, label, fill, title) {
  const most = Math.max(...names.map(name => total(rows.filter(row => row.name === name).map(row => row.value))));
  const ends = names.map(name => ({name, value: total(rows.filter(row => row.name === name).map(row => row.value))}));
  return Plot.plot({
    width, height: Math.min(250, 20 + names.length * 58), marginLeft: left, marginRight: 104, marginTop: 4, marginBottom: 8, ariaLabel: label,
    x: {axis: null, domain: [0, most || 1]}, y: {domain: names, label: null, padding: names.length < 4 ? .6 : .4},
    marks: [
      Plot.axisY({tickSize: 0, label: null, lineWidth: left / 12, textAnchor: "start", dx: -left + 8}),
      Plot.barX(rows, Plot.stackX({y: "name", x: "value", fill, title, ...tip})),
      Plot.text(ends, {x: "value", y: "name", text, textAnchor: "start", dx: 6}),
    ],
  });
}
