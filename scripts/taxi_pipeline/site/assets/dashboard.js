"use strict";
// The page adds up the cubes that taxi_pipeline.site.dashboard wrote: whole numbers, money in cents.
(() => {
const data = JSON.parse(document.getElementById("data").textContent);
const {services, months, boroughs, zones, days, payments, reasons, loaded, sizes, cubes} = data;

const COLOURS = services.map(service => `var(--${service.name.toLowerCase()})`);
const BOROUGH_COLOURS = boroughs.map((_, borough) => `var(--b${borough})`);
const AIRPORT_COLOURS = ["var(--b0)", "var(--b1)", "var(--b3)"];
const WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const TOP = 10;
const NARROWEST = 280; // pixels: bars and their names need no less
const NO_FARES = "FHV files carry no fares: there is no revenue to show.";

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
const monthName = month => `${NAMES[Number(month.slice(5)) - 1]} ${month.slice(0, 4)}`;
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
  const walk = (depth, cell, target) => {
    if (depth === axes.length) { out[target] += values[cell]; return; }
    const size = sizes[axes[depth]], kept = keep[axes[depth]];
    for (let member = 0; member < size; member += 1) {
      if (!kept || kept[member]) walk(depth + 1, cell * size + member, target + member * strides[depth]);
    }
  };
  walk(0, 0, 0);
  const nest = (axis, from) => {
    if (axis === by.length) return out[from];
    const stride = by.slice(axis + 1).reduce((cells, inner) => cells * sizes[inner], 1);
    return range(0, sizes[by[axis]] - 1).map(member => nest(axis + 1, from + member * stride));
  };
  return nest(0, 0);
}

const metered = services.map(service => service.metered);
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
const option = (label, value, selected) => {
  const node = make("option", {value}, label);
  node.defaultSelected = selected;
  return node;
};

for (const [place, service] of services.entries()) {
  const box = make("input", {type: "checkbox", name: "service", value: place, checked: ""});
  const swatch = make("i", {class: "swatch", style: `background:${COLOURS[place]}`});
  element("services").append(make("label", {}, box, swatch, service.name));
}
for (const [place, month] of months.entries()) {
  element("from").append(option(monthName(month), place, place === 0));
  element("to").append(option(monthName(month), place, place === months.length - 1));
}
element("borough").append(option("All boroughs", "", true), ...boroughs.map((name, place) => option(name, place, false)));
form.reset();

/** What is selected, as the members to keep of each axis. */
function selection() {
  const boxes = [...form.querySelectorAll("[name=service]")];
  const [from, to] = [Number(element("from").value), Number(element("to").value)];
  const chosen = element("borough").value;
  const service = boxes.map(box => box.checked);
  const borough = boroughs.map((_, place) => chosen === "" || place === Number(chosen));
  const month = months.map((_, place) => place >= from && place <= to);
  // Months in which a selected service has a file: the others would be gaps.
  const shown = range(from, to).filter(place => service.some((kept, number) => kept && loaded[number][place]));
  return {
    service, borough, month, shown, from, to,
    zone: zones.map(zone => borough[zone.borough]),
    hasMoney: both(service, metered).some((kept, number) => kept && shown.some(place => loaded[number][place])),
  };
}

// ---------------------------------------------------------------- parts of a chart
const axisMonths = (keep, width) => {
  const places = keep.shown.map(place => months[place]);
  const step = Math.max(1, Math.ceil(places.length / Math.max(2, Math.floor(width / 46))));
  const ticks = places.filter((_, place) => place % step === 0);
  return {
    x: {type: "band", domain: places, label: null, padding: places.length < 5 ? .45 : .2},
    mark: Plot.axisX(ticks, {
      tickSize: 0, label: null, lineHeight: 1.25,
      text: (month, place) => NAMES[Number(month.slice(5)) - 1] + (place === 0 || month.slice(0, 4) !== ticks[place - 1].slice(0, 4) ? `\n${month.slice(0, 4)}` : ""),
    }),
  };
};
const legend = (panel, items) => panel.querySelector(".legend").replaceChildren(...items.map(([name, colour, kind = "swatch"]) =>
  make("span", {}, make("i", {class: kind, style: `background:${colour}`}), name)));
const message = text => make("p", {class: "empty"}, text);
const tip = {tip: {lineWidth: 24, fontSize: 12}};

const isGapless = shown => shown.every((place, order) => order === 0 || 12 * (months[place].slice(0, 4) - months[shown[order - 1]].slice(0, 4)) + (months[place].slice(5) - months[shown[order - 1]].slice(5)) === 1);

/** Stacked columns by month: rows of {month, value, group}. */
function columns(rows, keep, groups, colours, width, label, tick, title) {
  const painted = rows.map(row => ({...row, colour: colours[groups.indexOf(row.group)]}));
  const axis = axisMonths(keep, width);
  const totals = keep.shown.map(place => ({month: months[place], value: total(rows.filter(row => row.month === months[place]).map(row => row.value))}));
  const named = totals.length <= Math.max(2, Math.floor(width / 64));
  return Plot.plot({
    width, height: 250, marginLeft: 54, marginRight: 4, marginTop: 26, marginBottom: 36, ariaLabel: label,
    x: axis.x, y: {label: null, grid: true, nice: true, zero: true, ticks: 5, tickFormat: tick},
    marks: [
      Plot.axisY({tickFormat: tick, ticks: 5, tickSize: 0, label: null}),
      Plot.barY(painted, Plot.stackY({x: "month", y: "value", z: "group", fill: "colour", order: groups, stroke: "var(--surface)", strokeWidth: .6, title, ...tip})),
      Plot.ruleY([0], {stroke: "var(--muted)"}),
      axis.mark,
      named ? Plot.text(totals, {x: "month", y: "value", text: row => tick(row.value), dy: -9, fontWeight: 600}) : null,
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

// ---------------------------------------------------------------- panels: each draws, and gives its numbers as a table
const number = text => ({text, number: true});
const panels = {
  "revenue-service": keep => {
    const cents = sums("cents", ["service", "month"], keep);
    const kept = services.flatMap((service, place) => (service.metered && keep.service[place] ? [place] : []));
    const rows = kept.flatMap(place => keep.shown.filter(month => loaded[place][month])
      .map(month => ({month: months[month], group: services[place].name, cents: cents[place][month], value: cents[place][month] / 100})));
    return {
      table: [["Month", "Service", number("Revenue, US$")], rows.map(row => [monthName(row.month), row.group, number(money(row.cents))])],
      legend: kept.map(place => [services[place].name, COLOURS[place]]),
      note: [
        keep.hasMoney && keep.service.some((chosen, place) => chosen && !services[place].metered) ? "FHV files carry no fares and are no part of revenue." : "",
        isGapless(keep.shown) ? "" : "Months without a file are left out.",
      ].filter(Boolean).join(" "),
      draw: width => keep.hasMoney
        ? columns(rows, keep, kept.map(place => services[place].name), kept.map(place => COLOURS[place]), width, "Columns of revenue by month and service", shortDollars,
          row => `${monthName(row.month)}, ${row.group}\n${money(row.cents)}`)
        : message(NO_FARES),
    };
  },

  "revenue-borough": keep => {
    const byZone = sums("cents", ["month", "zone"], keep);
    const cents = months.map((_, month) => boroughs.map((_, borough) => total(zones.map((zone, place) => (zone.borough === borough ? byZone[month][place] : 0)))));
    const kept = boroughs.flatMap((_, place) => (keep.borough[place] && keep.shown.some(month => cents[month][place]) ? [place] : []));
    const rows = keep.shown.flatMap(month => kept.map(place => ({month: months[month], group: boroughs[place], cents: cents[month][place], value: cents[month][place] / 100})));
    return {
      table: [["Month", "Borough", number("Revenue, US$")], keep.hasMoney ? rows.map(row => [monthName(row.month), row.group, number(money(row.cents))]) : []],
      legend: kept.map(place => [boroughs[place], BOROUGH_COLOURS[place]]),
      draw: width => (!keep.hasMoney ? message(NO_FARES) : !rows.length ? message("No metered trip begins there in these months.")
        : columns(rows, keep, kept.map(place => boroughs[place]), kept.map(place => BOROUGH_COLOURS[place]), width, "Columns of revenue by month and borough", shortDollars,
          row => `${monthName(row.month)}, ${row.group}\n${money(row.cents)}`)),
    };
  },

  daily: keep => {
    const trips = sums("day_trips", ["service", "day"], {service: keep.service, borough: keep.borough});
    const monthOf = days.map(day => months.indexOf(day.slice(0, 7)));
    const isNext = days.map((day, place) => place > 0 && new Date(day) - new Date(days[place - 1]) === 864e5);
    const series = services.flatMap((service, place) => {
      if (!keep.service[place]) return [];
      const known = days.map((_, day) => Boolean(loaded[place][monthOf[day]]));
      let run = 0;
      const rows = days.map((day, at) => {
        run = known[at] ? (isNext[at] && run ? run + 1 : 1) : 0;
        return {day, at, month: monthOf[at], service: service.name, known: known[at], starts: run === 1, trips: trips[place][at],
          mean: run >= 7 ? total(trips[place].slice(at - 6, at + 1)) / 7 : null};
      }).filter(row => row.known && keep.month[row.month]);
      return rows.length ? [{service: service.name, colour: COLOURS[place], rows}] : [];
    });
    // Days of the months shown, one after the other: months that are not loaded take no room.
    const shown = days.flatMap((_, at) => (keep.shown.includes(monthOf[at]) ? [at] : []));
    const place = new Map(shown.map((at, position) => [at, position]));
    const starts = shown.filter(at => days[at].endsWith("-01"));
    return {
      table: [["Day", "Service", number("Trips"), number("7-day mean")],
        series.flatMap(one => one.rows.map(row => [row.day, row.service, number(whole(row.trips)), number(row.mean === null ? "" : oneDecimal(row.mean))]))],
      legend: [["Trips a day", "color-mix(in srgb, var(--muted) 55%, transparent)", "line"], ["7-day mean", "var(--text)", "line"]],
      note: "The mean begins on the seventh day after a gap.",
      draw: width => {
        const block = make("div");
        const step = Math.max(1, Math.ceil(starts.length / Math.max(2, Math.floor(width / 52))));
        const ticks = starts.filter((_, position) => position % step === 0);
        series.forEach((one, order) => {
          const last = order === series.length - 1;
          const runs = d3.groups(one.rows, (row => { let count = 0; return item => (count += item.starts ? 1 : 0); })());
          const lines = runs.flatMap(([run, rows]) => rows.map(row => ({...row, run, x: place.get(row.at)})));
          block.append(make("h3", {}, make("i", {class: "swatch", style: `background:${one.colour}`}), one.service), Plot.plot({
            width, height: Math.round(330 / series.length) + (last ? 28 : 0), marginLeft: 46, marginRight: 6, marginTop: 8, marginBottom: last ? 36 : 8, ariaLabel: `Lines of daily trips, ${one.service}`,
            x: {domain: [0, Math.max(1, shown.length - 1)], axis: null, label: null}, y: {label: null, grid: true, zero: true, nice: 3},
            marks: [
              Plot.axisY({ticks: 3, tickSize: 0, label: null, tickFormat: short}),
              last ? Plot.axisX(ticks.map(at => place.get(at)), {tickSize: 0, label: null, lineHeight: 1.25, textAnchor: "start", dx: -2, text: (_, position) => {
                const day = days[ticks[position]];
                const isNew = position === 0 || day.slice(0, 4) !== days[ticks[position - 1]].slice(0, 4);
                return NAMES[Number(day.slice(5, 7)) - 1] + (isNew ? `\n${day.slice(0, 4)}` : "");
              }}) : null,
              Plot.ruleX(starts.slice(1).map(at => place.get(at)), {stroke: "var(--line)"}),
              Plot.ruleY([0], {stroke: "var(--muted)"}),
              Plot.lineY(lines, {x: "x", y: "trips", z: "run", stroke: one.colour, strokeOpacity: .55, strokeWidth: 1}),
              Plot.lineY(lines, {x: "x", y: "mean", z: "run", stroke: one.colour, strokeWidth: 2.5}),
              Plot.tip(lines, Plot.pointerX({x: "x", y: "trips", title: row => `${row.day}, ${row.service}\n${plural(row.trips, "trip")}${row.mean === null ? "" : `\n7-day mean ${oneDecimal(row.mean)}`}`, fontSize: 12})),
            ],
          }));
        });
        return series.length ? block : message("Nothing is loaded for these services and months.");
      },
    };
  },

  week: keep => {
    const trips = sums("hour_trips", ["weekday", "hour"], keep);
    const rows = trips.flatMap((hours, weekday) => hours.map((count, hour) => ({weekday: WEEKDAYS[weekday], hour, count})));
    const most = Math.max(...rows.map(row => row.count));
    return {
      table: [["Weekday", number("Hour"), number("Trips")], rows.map(row => [row.weekday, number(String(row.hour)), number(whole(row.count))])],
      legendNodes: [make("span", {}, "0"), make("i", {class: "ramp"}), make("span", {}, plural(most, "trip"))],
      draw: width => (most ? Plot.plot({
        width, height: width < 440 ? 230 : 400, marginLeft: 34, marginRight: 2, marginTop: 2, marginBottom: 40, ariaLabel: "Heat map of trips by weekday and hour",
        x: {type: "band", domain: range(0, 23), padding: .06, label: "Hour of pickup", labelAnchor: "center", labelArrow: "none"}, y: {type: "band", domain: WEEKDAYS, padding: .06, label: null},
        marks: [
          Plot.axisX(range(0, 23).filter(hour => hour % 3 === 0), {tickSize: 0, label: "Hour of pickup, 0 to 23", labelAnchor: "center", labelArrow: "none"}), Plot.axisY({tickSize: 0, label: null}),
          Plot.cell(rows, {x: "hour", y: "weekday", rx: 2, fill: row => `color-mix(in oklab, var(--heat-high) ${(100 * row.count / most).toFixed(1)}%, var(--heat-low))`,
            title: row => `${row.weekday}, ${row.hour}:00 to ${row.hour}:59\n${plural(row.count, "trip")}`, ...tip}),
        ],
        color: {type: "identity"},
      }) : message("No trip in this selection.")),
    };
  },

  map: keep => {
    const [cents, trips] = [sums("cents", ["zone"], keep), sums("trips", ["zone"], keep)];
    const values = keep.hasMoney ? cents : trips;
    const show = value => (keep.hasMoney ? money(value) : plural(value, "trip"));
    const rows = zones.map((zone, place) => ({...zone, cents: cents[place], trips: trips[place], value: values[place]})).filter(row => row.trips || row.cents).sort((one, other) => other.value - one.value);
    const shapes = data.zoneShapes && new Map(data.zoneShapes.features.map(feature => [feature.properties.zone_id, feature]));
    const isPlaced = row => (shapes ? shapes.has(row.id) : row.lat !== null);
    const placed = rows.filter(isPlaced), hidden = rows.filter(row => !isPlaced(row));
    const most = Math.max(0, ...placed.map(row => row.value)), all = total(values);
    const away = total(hidden.map(row => row.value));
    const title = row => `${row.label}, ${boroughs[row.borough]}\n${keep.hasMoney ? `${money(row.cents)}\n` : ""}${plural(row.trips, "trip")}`;
    const measure = keep.hasMoney ? "revenue" : "trips";
    const ramp = value => `color-mix(in oklab, var(--heat-high) ${(100 * Math.sqrt(Math.max(0, value) / (most || 1))).toFixed(1)}%, var(--heat-low))`;
    const radius = 26;
    return {
      heading: keep.hasMoney ? "Where revenue begins" : "Where trips begin",
      about: shapes ? `Zones of pickup, shaded by ${measure} (square root scale).` : `Zones of pickup; the area of a point is its ${measure}.`,
      table: [["Zone", "Borough", number("Trips"), number("Revenue, US$")], rows.map(row => [row.label, boroughs[row.borough], number(whole(row.trips)), number(keep.hasMoney ? money(row.cents) : "no fares")])],
      legendNodes: !placed.length ? [] : shapes ? [make("span", {}, "0"), make("i", {class: "ramp"}), make("span", {}, show(most))]
        : [round(most), round(most / 4), round(most / 20)].filter(value => value > 0).map(value => {
          const size = 2 * radius * Math.sqrt(value / most);
          return make("span", {}, make("i", {class: "dot", style: `width:${size}px;height:${size}px`}), keep.hasMoney ? shortDollars(value / 100) : plural(value, "trip"));
        }),
      note: away ? `Not on the map, for want of a place: ${hidden.map(row => (row.label === "N/A" ? "Unknown" : row.label)).slice(0, 3).join("; ")}${hidden.length > 3 ? " and others" : ""}: ${show(away)} (${percent(away / all)}).` : "",
      draw: width => {
        const area = keep.borough.every(Boolean) ? data.boroughShapes : {type: "FeatureCollection", features: data.boroughShapes.features.filter(feature => keep.borough[boroughs.indexOf(feature.properties.borough === "EWR" ? "Newark Airport" : feature.properties.borough)])};
        if (!placed.length) return message(rows.length ? "None of these pickups has a place on the map." : "No trip in this selection.");
        return Plot.plot({
          width, height: Math.min(560, Math.max(330, width * .82)), margin: 4, ariaLabel: `Map of pickup zones by ${measure}`,
          projection: {type: "mercator", domain: area.features.length ? area : data.boroughShapes, inset: 14}, r: {range: [0, radius], domain: [0, most]}, color: {type: "identity"},
          marks: shapes ? [
            Plot.geo(data.boroughShapes, {fill: "var(--land)"}),
            Plot.geo(placed.map(row => ({...shapes.get(row.id), row})), {fill: feature => ramp(feature.row.value), stroke: "var(--surface)", strokeWidth: .4, title: feature => title(feature.row), ...tip}),
            Plot.geo(data.boroughShapes, {stroke: "var(--muted)", strokeWidth: .6}),
          ] : [
            Plot.geo(data.boroughShapes, {fill: "var(--land)", stroke: "var(--surface)", strokeWidth: 1.2}),
            Plot.dot(placed, {x: "lon", y: "lat", r: row => Math.max(0, row.value), fill: "var(--accent)", fillOpacity: .35, stroke: "var(--accent)", strokeWidth: .8, title, ...tip}),
          ],
        });
      },
    };
  },

  zones: keep => {
    const measure = keep.hasMoney ? "cents" : "trips";
    const [cents, trips, trend] = [sums("cents", ["zone"], keep), sums("trips", ["zone"], keep), sums(measure, ["zone", "month"], keep)];
    const values = keep.hasMoney ? cents : trips, all = total(values);
    const rows = zones.map((zone, place) => ({...zone, cents: cents[place], trips: trips[place], value: values[place], trend: keep.shown.map(month => trend[place][month])}))
      .filter(row => row.trips || row.cents).sort((one, other) => other.value - one.value || one.id - other.id).slice(0, TOP);
    const name = row => (row.label === "N/A" ? "Unknown zone" : row.label);
    return {
      about: keep.hasMoney ? "By revenue, US$; the small columns are its months." : "By trips; the small columns are its months.",
      table: [["Zone", "Borough", number("Trips"), number("Revenue, US$"), number("Share")],
        rows.map(row => [name(row), boroughs[row.borough], number(whole(row.trips)), number(keep.hasMoney ? money(row.cents) : "no fares"), number(percent(row.value / all))])],
      draw: () => {
        if (!rows.length) return message("No trip in this selection.");
        const head = make("tr", {}, make("th", {scope: "col"}, make("span", {class: "sr"}, "Rank")), make("th", {scope: "col"}, "Zone"), make("th", {scope: "col", class: "num wide-only"}, "Trips"),
          make("th", {scope: "col", class: "num"}, keep.hasMoney ? "Revenue" : "Trips"), make("th", {scope: "col", class: "num wide-only"}, "Share"), make("th", {scope: "col"}, "Months"));
        const body = rows.map((row, rank) => make("tr", {}, make("td", {}, String(rank + 1)), make("td", {}, name(row), make("small", {}, boroughs[row.borough])),
          make("td", {class: "num wide-only"}, whole(row.trips)), make("td", {class: "num"}, keep.hasMoney ? shortMoney(row.cents) : whole(row.trips)), make("td", {class: "num wide-only"}, percent(row.value / all)),
          make("td", {}, spark(row, keep))));
        if (!keep.hasMoney) [head, ...body].forEach(line => line.children[2].remove());
        return make("table", {class: "ranking"}, make("thead", {}, head), make("tbody", {}, ...body));
      },
    };
  },

  payment: keep => {
    const [trips, cents] = [sums("payment_trips", ["payment"], keep), sums("payment_cents", ["payment"], keep)];
    const all = total(trips);
    const rows = payments.map((name, place) => ({name, value: trips[place], cents: cents[place]})).filter(row => row.value || row.cents).sort((one, other) => other.value - one.value);
    return {
      table: [["Way of paying", number("Trips"), number("Share"), number("Revenue, US$")], rows.map(row => [row.name, number(whole(row.value)), number(percent(all ? row.value / all : 0)), number(money(row.cents))])],
      draw: width => (!keep.hasMoney ? message("FHV files do not say how passengers pay.") : !rows.length ? message("No metered trip in this selection.")
        : bars(rows, rows.map(row => row.name), width, 104, row => `${percent(all ? row.value / all : 0)} · ${short(row.value)}`, "Bars of trips by way of paying", "var(--accent)", row => `${row.name}\n${plural(row.value, "trip")}\n${money(row.cents)}`)),
    };
  },

  airports: keep => {
    const trips = sums("trips", ["month", "zone"], keep);
    const everywhere = total(keep.shown.flatMap(month => trips[month]));
    const ports = zones.map((zone, place) => ({...zone, place})).filter(zone => zone.airport && keep.zone[zone.place]).sort((one, other) => other.id - one.id)
      .sort((one, other) => total(keep.shown.map(month => trips[month][other.place])) - total(keep.shown.map(month => trips[month][one.place])));
    const rows = keep.shown.flatMap(month => ports.map(port => ({month: months[month], group: port.label, value: trips[month][port.place]})));
    const all = total(rows.map(row => row.value));
    const colours = ports.map(port => AIRPORT_COLOURS[[132, 138, 1].indexOf(port.id)]);
    return {
      table: [["Month", "Airport", number("Trips")], rows.map(row => [monthName(row.month), row.group, number(whole(row.value))])],
      legend: all ? ports.map((port, place) => [port.label, colours[place]]) : [],
      note: all ? `${plural(all, "trip")}, ${percent(all / everywhere)} of all trips in this selection.` : "",
      draw: width => (all ? columns(rows, keep, ports.map(port => port.label), colours, width, "Columns of trips by month and airport", short, row => `${monthName(row.month)}, ${row.group}\n${plural(row.value, "trip")}`)
        : message("No trip of this selection begins at an airport.")),
    };
  },

  rejects: keep => {
    const rejected = sums("rejected_rows", ["reason", "service"], keep);
    const accepted = total(sums("rows", ["service"], keep));
    const rows = reasons.flatMap((reason, place) => services.map((service, number) => ({name: reason.code.replaceAll("_", " "), ...reason, group: service.name, fill: COLOURS[number], value: rejected[place][number], kept: keep.service[number]}))).filter(row => row.kept);
    const all = total(rows.map(row => row.value)), names = [...new Set(rows.filter(row => row.value).map(row => row.name))];
    return {
      table: [["Reason", "Service", number("Rows")], rows.filter(row => row.value).map(row => [row.code, row.group, number(whole(row.value))])],
      legend: all ? services.flatMap((service, place) => (keep.service[place] ? [[service.name, COLOURS[place]]] : [])) : [],
      note: `${whole(all)} of ${plural(accepted + all, "row")} (${twoDigits(100 * all / (accepted + all || 1))} %).`,
      draw: width => (all ? bars(rows.filter(row => row.value), names, width, 142, row => plural(row.value, "row"), "Bars of rejected rows by reason", row => row.fill, row => `${row.group}: ${plural(row.value, "row")}\n${row.text}`)
        : message("No row of this selection was rejected.")),
    };
  },
};

const shortMoney = cents => (Math.abs(cents) >= 1e8 ? compactDollars(cents / 100) : dollars(Math.round(cents / 100)).replace(/\.00$/, ""));

function spark(row, keep) {
  const [width, height] = [96, 26], most = Math.max(...row.trend, 1), step = width / row.trend.length;
  const node = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  for (const [key, value] of Object.entries({class: "spark", viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", role: "img"})) node.setAttribute(key, value);
  node.setAttribute("aria-label", row.trend.map((value, place) => `${monthName(months[keep.shown[place]])} ${keep.hasMoney ? money(value) : whole(value)}`).join(", "));
  row.trend.forEach((value, place) => {
    const tall = Math.max(0, value) / most * height, bar = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    for (const [key, size] of Object.entries({x: place * step + step * .1, y: height - tall, width: step * .8, height: tall, fill: "var(--accent)"})) bar.setAttribute(key, size);
    node.append(bar);
  });
  return node;
}

// ---------------------------------------------------------------- totals, and their change
function figures(keep) {
  const trips = sums("trips", ["service"], keep), cents = total(sums("cents", ["service"], keep));
  const paid = total(trips.filter((_, place) => metered[place]));
  const [fares, tips] = [total(sums("card_fare_cents", ["service"], keep)), total(sums("card_tip_cents", ["service"], keep))];
  return {trips: total(trips), cents: keep.hasMoney ? cents : null, perTrip: keep.hasMoney && paid ? cents / paid : null, tipRate: keep.hasMoney && fares ? tips / fares : null};
}

const KPIS = [
  {key: "trips", name: "Trips", show: value => (value >= 1e6 ? compact(value) : whole(value)), exact: whole},
  {key: "cents", name: "Revenue, US$", show: value => (Math.abs(value) >= 1e8 ? compactDollars(value / 100) : money(value)), exact: money},
  {key: "perTrip", name: "Revenue per trip, US$", show: money, about: "yellow and green"},
  {key: "tipRate", name: "Card tip rate", show: percent, about: "card tips over card fares", points: true},
];

/** Like for like: the last month shown and another, over the services that are loaded in both. */
function comparison(keep, months_back) {
  const last = keep.shown.at(-1);
  const wanted = new Date(`${months[last]}-01T00:00:00Z`);
  wanted.setUTCMonth(wanted.getUTCMonth() - months_back);
  const name = wanted.toISOString().slice(0, 7), other = months.indexOf(name);
  const now = keep.service.map((kept, place) => kept && Boolean(loaded[place][last]));
  const service = now.map((kept, place) => kept && other >= 0 && Boolean(loaded[place][other]));
  if (!service.some(Boolean)) return {name, figures: null};
  const at = month => figures({...keep, service, hasMoney: both(service, metered).some(Boolean), month: months.map((_, place) => place === month)});
  const only = service.some((kept, place) => kept !== now[place]) ? `, ${services.filter((_, place) => service[place]).map(one => one.name).join(" and ")} only` : "";
  return {name, now: at(last), figures: at(other), only};
}

function drawKpis(keep) {
  const last = keep.shown.at(-1), changes = last === undefined ? [] : [comparison(keep, 1), comparison(keep, 12)], value = figures(keep);
  element("kpis").replaceChildren(...KPIS.map(kpi => {
    const amount = value[kpi.key];
    const shown = amount === null ? "no fares" : kpi.show(amount);
    const exact = amount === null || !kpi.exact || kpi.exact(amount) === shown ? kpi.about ?? "" : kpi.exact(amount);
    const lines = changes.map(change => {
      const [now, before] = [change.now?.[kpi.key] ?? null, change.figures?.[kpi.key] ?? null];
      if (amount === null) return "";
      if (!change.figures) return make("p", {class: "change"}, `${monthName(change.name)} is not loaded: no change to show`);
      if (now === null || before === null || !before) return make("p", {class: "change"}, `no base in ${monthName(change.name)}`);
      const step = oneDecimal(kpi.points ? 100 * (now - before) : 100 * (now - before) / Math.abs(before)), isSame = /^−?0\.0$/.test(step);
      const text = `${isSame ? "= ±0.0" : step.startsWith("−") ? `▼ ${step}` : `▲ +${step}`} ${kpi.points ? "points" : "%"}`;
      return make("p", {class: "change"}, make("b", {}, text), ` ${monthName(months[last])} on ${monthName(change.name)}${change.only}`);
    });
    return make("section", {class: "card kpi", id: `kpi-${kpi.key}`}, make("h2", {}, kpi.name), make("p", {class: "value"}, shown), make("p", {class: "exact"}, exact), ...lines);
  }));
  const boxes = services.filter((_, place) => keep.service[place]).map(service => service.name).join(", ");
  element("status").textContent = `${boxes}, ${monthName(months[keep.from])} to ${monthName(months[keep.to])}: ${plural(value.trips, "trip")}${value.cents === null ? "" : `, ${money(value.cents)}`}.`;
}

// ---------------------------------------------------------------- drawing
function fill(panel, [head, rows]) {
  const cell = (name, item) => make(name, item.number ? {class: "num"} : {}, item.text ?? item);
  const headings = head.map(item => { const node = cell("th", item); node.scope = "col"; return node; });
  panel.querySelector(".table").replaceChildren(make("table", {}, make("thead", {}, make("tr", {}, ...headings)), make("tbody", {}, ...rows.map(row => make("tr", {}, ...row.map(item => cell("td", item)))))));
}

let state = {};
function draw() {
  const keep = selection();
  drawKpis(keep);
  state = Object.fromEntries(Object.entries(panels).map(([id, panel]) => [id, panel(keep)]));
  for (const [id, content] of Object.entries(state)) {
    const panel = element(id);
    if (content.heading) panel.querySelector("h2").textContent = content.heading;
    if (content.about) panel.querySelector(".about").textContent = content.about;
    panel.querySelector(".note").textContent = content.note ?? "";
    if (content.legendNodes) panel.querySelector(".legend").replaceChildren(...content.legendNodes);
    else legend(panel, content.legend ?? []);
    if (panel.querySelector("details").open) fill(panel, content.table);
  }
  paint();
}
function paint() {
  const slots = Object.keys(state).map(id => element(id).querySelector(".chart"));
  const widths = slots.map(slot => Math.max(NARROWEST, Math.floor(slot.clientWidth)));
  Object.values(state).forEach((content, place) => slots[place].replaceChildren(content.draw(widths[place])));
}

for (const id of Object.keys(panels)) {
  const details = element(id).querySelector("details");
  details.addEventListener("toggle", () => { if (details.open) fill(element(id), state[id].table); });
}
form.addEventListener("change", event => {
  if (event.target.name === "service" && !form.querySelector("[name=service]:checked")) event.target.checked = true; // nothing at all is no selection
  const [from, to] = [element("from"), element("to")];
  if (Number(from.value) > Number(to.value)) (event.target === from ? to : from).value = event.target.value;
  draw();
});
form.addEventListener("reset", () => setTimeout(draw));
let width = document.documentElement.clientWidth;
addEventListener("resize", () => {
  if (document.documentElement.clientWidth !== width) { width = document.documentElement.clientWidth; requestAnimationFrame(paint); }
});
draw();
})();
