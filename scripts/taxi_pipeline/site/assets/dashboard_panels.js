// ---------------------------------------------------------------- panels: each draws, and gives its numbers as a table
const number = text => ({text, number: true});
const revenueText = (row, keep, ending) => (!keep.hasMoney ? "no fares" : ending ? "by pickup only" : money(row.cents));
const zoneName = zone => (zone.unknown ? "Unknown zone" : zone.label);
const panels = {
  "revenue-service": keep => {
    const cents = sums("cents", ["service", "month"], keep);
    const kept = services.flatMap((service, place) => (service.metered && keep.service[place] ? [place] : []));
    const events = inMonths(keep, eventsOf(keep, metersOnly));
    const rows = kept.flatMap(place => keep.shown.filter(month => keep.usable[place][month])
      .map(month => ({month: months[month], part: isPart(place, month), completeness: completeness[place][month]?.text ?? "", group: services[place].name, cents: cents[place][month], value: cents[place][month] / 100})));
    return {
      hatched: rows.some(row => row.part),
      table: [["Month", "Service", number("Metered revenue, US$"), "Completeness"], rows.map(row => [monthName(row.month), row.group, number(money(row.cents)), row.completeness])],
      legend: kept.map(place => [services[place].name, COLORS[place]]),
      note: [
        keep.hasMoney && services.some((service, place) => keep.service[place] && !service.metered && !service.rides) ? "FHV files carry no fares and are no part of revenue." : "",
        keep.hasMoney && keep.hasRides ? "Rider payments of HVFHV are no part of it." : "",
        isGapless(keep.shown) ? "" : "Months without a file are left out.",
        keep.hasMoney ? eventsText(events) : "",
      ].filter(Boolean).join(" "),
      draw: width => keep.hasMoney
        ? columns(rows, keep, kept.map(place => services[place].name), kept.map(place => COLORS[place]), width, "Columns of revenue by month and service", shortDollars,
          row => `${monthName(row.month)}, ${row.group}\n${money(row.cents)}${warning(row)}`, events)
        : message(NO_FARES),
    };
  },

  "revenue-borough": keep => {
    const byZone = sums("cents", ["month", "zone"], keep);
    const cents = months.map((_, month) => boroughs.map((_, borough) => total(zones.map((zone, place) => (zone.borough === borough ? byZone[month][place] : 0)))));
    const kept = boroughs.flatMap((_, place) => (keep.borough[place] && keep.shown.some(month => cents[month][place]) ? [place] : []));
    const rows = keep.shown.flatMap(month => kept.map(place => ({month: months[month], part: hasPart(keep, month), completeness: completenessOf(keep, month), group: boroughs[place], cents: cents[month][place], value: cents[month][place] / 100})));
    return {
      hatched: keep.hasMoney && rows.some(row => row.part),
      table: [["Month", "Borough", number("Metered revenue, US$"), "Completeness"], keep.hasMoney ? rows.map(row => [monthName(row.month), row.group, number(money(row.cents)), row.completeness]) : []],
      legend: kept.map(place => [boroughs[place], BOROUGH_COLORS[place]]),
      note: rows.length && keep.hasMoney ? eventsText(inMonths(keep, eventsOf(keep, metersOnly))) : "",
      draw: width => (!keep.hasMoney ? message(NO_FARES) : !rows.length ? message("No metered trip begins there in these months.")
        : columns(rows, keep, kept.map(place => boroughs[place]), kept.map(place => BOROUGH_COLORS[place]), width, "Columns of revenue by month and borough", shortDollars,
          row => `${monthName(row.month)}, ${row.group}\n${money(row.cents)}${warning(row)}`, inMonths(keep, eventsOf(keep, metersOnly)))),
    };
  },

  daily: keep => {
    const trips = sums("day_trips", ["service", "day"], {service: keep.service, borough: keep.borough, usable: keep.usable});
    const isNext = days.map((day, place) => place > 0 && new Date(day) - new Date(days[place - 1]) === 864e5);
    const series = services.flatMap((service, place) => {
      if (!keep.service[place]) return [];
      const known = days.map((_, day) => keep.usable[place][monthOf[day]]);
      let run = 0;
      const rows = days.map((day, at) => {
        run = known[at] ? (isNext[at] && run ? run + 1 : 1) : 0;
        return {day, at, month: monthOf[at], part: isPart(place, monthOf[at]), completeness: completeness[place][monthOf[at]]?.text ?? "", service: service.name, known: known[at], starts: run === 1, trips: trips[place][at],
          mean: run >= 7 ? total(trips[place].slice(at - 6, at + 1)) / 7 : null};
      }).filter(row => row.known && keep.outer.includes(row.month));
      return rows.length ? [{service: service.name, color: COLORS[place], rows}] : [];
    });
    // Days of the months shown, one after the other: months that are not loaded take no room.
    const shown = days.flatMap((_, at) => (keep.outer.includes(monthOf[at]) ? [at] : []));
    const place = new Map(shown.map((at, position) => [at, position]));
    const starts = shown.filter(at => days[at].endsWith("-01"));
    const events = eventsOf(keep).map(event => ({...event, x: place.get(days.indexOf(event.date))}));
    const chosen = series.flatMap(one => one.rows.filter(row => keep.day?.[row.at]));
    const span = chosen.length ? [place.get(d3.min(chosen, row => row.at)), place.get(d3.max(chosen, row => row.at))] : null;
    return {
      table: [["Day", "Service", number("Trips"), number("7-day mean"), "Completeness"],
        series.flatMap(one => one.rows.filter(row => keep.day?.[row.at] ?? true).map(row => [row.day, row.service, number(whole(row.trips)), number(row.mean === null ? "" : oneDecimal(row.mean)), row.completeness]))],
      hatched: series.some(one => one.rows.some(row => row.part)),
      legend: [["Trips a day", "color-mix(in srgb, var(--muted) 55%, transparent)", "line"], ["7-day mean", "var(--text)", "line"]],
      note: ["The mean begins on the seventh day after a gap.",
        chosen.length ? `Selected: ${daysText(keep)}, ${plural(total(chosen.map(row => row.trips)), "trip")}, ${oneDecimal(total(chosen.map(row => row.trips)) / new Set(chosen.map(row => row.at)).size)} a day.` : "",
        eventsText(events),
      ].filter(Boolean).join(" "),
      draw: width => {
        const block = make("div");
        const step = Math.max(1, Math.ceil(starts.length / Math.max(2, Math.floor(width / 52))));
        const ticks = starts.filter((_, position) => position % step === 0);
        series.forEach((one, order) => {
          const last = order === series.length - 1;
          const runs = d3.groups(one.rows, (row => { let count = 0; return item => (count += item.starts ? 1 : 0); })());
          const lines = runs.flatMap(([run, rows]) => rows.map(row => ({...row, run, x: place.get(row.at)})));
          const height = Math.round(330 / series.length) + (last ? 28 : 0), marked = events.filter(event => event.service === "all" || event.service === one.service || annotations.some(other => other.date === event.date && other.label === event.label && other.service === one.service));
          const margin = {marginLeft: 46, marginRight: 6, marginTop: marked.length ? 16 : 8, marginBottom: last ? 36 : 8};
          const plot = Plot.plot({
            width, height, ...margin, ariaLabel: `Lines of daily trips, ${one.service}`,
            x: {domain: [0, Math.max(1, shown.length - 1)], axis: null, label: null}, y: {label: null, grid: true, zero: true, nice: 3},
            marks: [
              Plot.axisY({ticks: 3, tickSize: 0, label: null, tickFormat: short}),
              last ? Plot.axisX(ticks.map(at => place.get(at)), {tickSize: 0, label: null, lineHeight: 1.25, textAnchor: "start", dx: -2, text: (_, position) => {
                const day = days[ticks[position]];
                const isNew = position === 0 || day.slice(0, 4) !== days[ticks[position - 1]].slice(0, 4);
                return NAMES[Number(day.slice(5, 7)) - 1] + (isNew ? `\n${day.slice(0, 4)}` : "");
              }}) : null,
              Plot.rectY(d3.rollups(lines.filter(row => row.part), rows => ({x1: rows[0].x, x2: rows.at(-1).x, y: d3.max(one.rows, row => row.trips)}), row => row.month).map(([, span]) => span), {x1: "x1", x2: "x2", y: "y", fill: hatch("var(--muted)"), fillOpacity: .45}),
              Plot.ruleX(starts.slice(1).filter(at => !isByYear(keep) || days[at].slice(5, 7) === "01").map(at => place.get(at)), {stroke: "var(--line)"}),
              span ? Plot.rectX([span], {x1: ([first]) => Math.max(0, first - .5), x2: ([, end]) => Math.min(shown.length - 1, end + .5), fill: "var(--accent)", fillOpacity: .2}) : null,
              Plot.ruleY([0], {stroke: "var(--muted)"}),
              Plot.lineY(lines, {x: "x", y: "trips", z: "run", stroke: one.color, strokeOpacity: .55, strokeWidth: 1}),
              Plot.lineY(lines, {x: "x", y: "mean", z: "run", stroke: one.color, strokeWidth: 2.5}),
              ...(marked.length ? eventMarks(marked, 8) : []),
              Plot.tip(lines, Plot.pointerX({x: "x", y: "trips", title: row => `${row.day}, ${row.service}\n${plural(row.trips, "trip")}${row.mean === null ? "" : `\n7-day mean ${oneDecimal(row.mean)}`}${warning(row)}`, fontSize: 12})),
            ],
          });
          brushDays(plot, [[margin.marginLeft, margin.marginTop], [width - margin.marginRight, height - margin.marginBottom]], shown);
          block.append(make("h3", {}, make("i", {class: "swatch", style: `background:${one.color}`}), one.service), plot);
        });
        return series.length ? block : message("Nothing is loaded for these services and months.");
      },
    };
  },

  week: keep => {
    const trips = sums("hour_trips", ["weekday", "hour"], keep);
    const daily = sums("day_trips", ["day"], {service: keep.service, usable: keep.usable});
    const held = WEEKDAYS.map((_, weekday) => days.filter((day, at) => keep.month[monthOf[at]] && daily[at] && (new Date(day).getUTCDay() + 6) % 7 === weekday).length);
    const rows = trips.flatMap((hours, weekday) => (held[weekday] ? hours.map((count, hour) => ({weekday: WEEKDAYS[weekday], hour, count, days: held[weekday], mean: count / held[weekday]})) : []));
    const most = Math.max(0, ...rows.map(row => row.mean));
    return {
      table: [["Weekday", number("Hour"), number("Trips"), number("Days with data"), number("Trips per average day")],
        rows.map(row => [row.weekday, number(String(row.hour)), number(whole(row.count)), number(whole(row.days)), number(oneDecimal(row.mean))])],
      legendNodes: [make("span", {}, "0"), make("i", {class: "ramp"}), make("span", {}, `${oneDecimal(most)} trips a day`)],
      parts: true,
      note: most ? `Days with data: ${WEEKDAYS.map((name, weekday) => `${name} ${held[weekday]}`).join(", ")}.` : "",
      draw: width => (most ? Plot.plot({
        width, height: width < 440 ? 230 : 400, marginLeft: 34, marginRight: 2, marginTop: 2, marginBottom: 40, ariaLabel: "Heat map of trips per average day, by weekday and hour",
        x: {type: "band", domain: range(0, 23), padding: .06, label: "Hour of pickup", labelAnchor: "center", labelArrow: "none"}, y: {type: "band", domain: WEEKDAYS, padding: .06, label: null},
        marks: [
          Plot.axisX(range(0, 23).filter(hour => hour % 3 === 0), {tickSize: 0, label: "Hour of pickup, 0 to 23", labelAnchor: "center", labelArrow: "none"}), Plot.axisY({tickSize: 0, label: null}),
          Plot.cell(rows, {x: "hour", y: "weekday", rx: 2, fill: row => `color-mix(in oklab, var(--heat-high) ${(100 * row.mean / most).toFixed(1)}%, var(--heat-low))`,
            title: row => `${row.weekday}, ${row.hour}:00 to ${row.hour}:59\n${oneDecimal(row.mean)} trips a day\n${plural(row.count, "trip")} on ${plural(row.days, "day")}`, ...tip}),
          Plot.text(WEEKDAYS.filter((_, weekday) => !held[weekday]), {x: () => 11, y: name => name, text: () => "no data", fill: "var(--muted)"}),
        ],
        color: {type: "identity"},
      }) : message("No trip in this selection.")),
    };
  },

  map: keep => {
    const around = {...keep, zone: keep.place}; // a zone that is selected stands among those of its borough
    const ending = dropoffs(), end = ending ? "end" : "begin";
    const hasMoney = keep.hasMoney && !ending; // revenue is kept by zone of pickup
    const cents = sums("cents", ["zone"], around), trips = ending ? sums("dropoff_trips", ["dropoff_zone"], keep) : sums("trips", ["zone"], around);
    const values = hasMoney ? cents : trips;
    const show = value => (hasMoney ? money(value) : plural(value, "trip"));
    const rows = zones.map((zone, place) => ({...zone, place, cents: ending ? 0 : cents[place], trips: trips[place], value: values[place]})).filter(row => row.trips || row.cents).sort((one, other) => other.value - one.value);
    const isPicked = row => !ending && row.place === picked.zone;
    const shapes = data.zoneShapes && new Map(data.zoneShapes.features.map(feature => [feature.properties.zone_id, feature]));
    const isPlaced = row => (shapes ? shapes.has(row.id) : row.lat !== null);
    const placed = rows.filter(isPlaced), hidden = rows.filter(row => !isPlaced(row));
    const most = Math.max(0, ...placed.map(row => row.value)), all = total(values);
    const away = total(hidden.map(row => row.value));
    const title = row => `${zoneName(row)}, ${boroughs[row.borough]}\n${hasMoney ? `${money(row.cents)}\n` : ""}${plural(row.trips, "trip")}`;
    const measure = hasMoney ? "revenue" : "trips";
    const ramp = value => `color-mix(in oklab, var(--heat-high) ${(100 * Math.sqrt(Math.max(0, value) / (most || 1))).toFixed(1)}%, var(--heat-low))`;
    const radius = 26;
    return {
      heading: `Where ${hasMoney ? "revenue" : "trips"} ${end}${hasMoney ? "s" : ""}`,
      selects: !ending,
      about: shapes ? `Zones of ${ending ? "drop-off" : "pickup"}, shaded by ${measure} (square root scale).` : `Zones of ${ending ? "drop-off" : "pickup"}; the area of a point is its ${measure}.`,
      table: [["Zone", "Borough", number("Trips"), number("Metered revenue, US$")], rows.map(row => [zoneName(row), boroughs[row.borough], number(whole(row.trips)), number(revenueText(row, keep, ending))])],
      legendNodes: !placed.length ? [] : shapes ? [make("span", {}, "0"), make("i", {class: "ramp"}), make("span", {}, show(most))]
        : [round(most), round(most / 4), round(most / 20)].filter(value => value > 0).map(value => {
          const size = 2 * radius * Math.sqrt(value / most);
          return make("span", {}, make("i", {class: "dot", style: `width:${size}px;height:${size}px`}), hasMoney ? shortDollars(value / 100) : plural(value, "trip"));
        }),
      note: away ? `Not on the map, because the zone has no location: ${hidden.map(zoneName).slice(0, 3).join("; ")}${hidden.length > 3 ? " and others" : ""}: ${show(away)} (${percent(away / all)}).` : "",
      parts: true,
      draw: width => {
        const area = ending || keep.borough.every(Boolean) ? data.boroughShapes : {type: "FeatureCollection", features: data.boroughShapes.features.filter(feature => keep.borough[boroughCodes.indexOf(feature.properties.borough)])};
        if (!placed.length) return message(rows.length ? `None of these ${ending ? "drop-offs" : "pickups"} has a place on the map.` : "No trip in this selection.");
        return Plot.plot({
          width, height: Math.min(560, Math.max(330, width * .82)), margin: 4, ariaLabel: `Map of ${ending ? "drop-off" : "pickup"} zones by ${measure}`,
          projection: {type: "mercator", domain: area.features.length ? area : data.boroughShapes, inset: 14}, r: {range: [0, radius], domain: [0, most]}, color: {type: "identity"},
          marks: shapes ? [
            Plot.geo(data.boroughShapes, {fill: "var(--land)"}),
            Plot.geo(placed.map(row => ({...shapes.get(row.id), row})), {fill: feature => ramp(feature.row.value), stroke: "var(--surface)", strokeWidth: .4, title: feature => title(feature.row), ...tip}),
            Plot.geo(data.boroughShapes, {stroke: "var(--muted)", strokeWidth: .6}),
            Plot.geo(placed.filter(isPicked).map(row => shapes.get(row.id)), {stroke: "var(--text)", strokeWidth: 2}),
          ] : [
            Plot.geo(data.boroughShapes, {fill: "var(--land)", stroke: "var(--surface)", strokeWidth: 1.2}),
            Plot.dot(placed, {x: "lon", y: "lat", r: row => Math.max(0, row.value), fill: "var(--accent)", fillOpacity: row => (isPicked(row) ? .8 : .35), stroke: "var(--accent)", strokeWidth: .8, title, ...tip}),
          ],
        });
      },
    };
  },

  zones: keep => {
    const around = {...keep, zone: keep.place};
    const ending = dropoffs(), hasMoney = keep.hasMoney && !ending;
    const trips = ending ? sums("dropoff_trips", ["dropoff_zone"], keep) : sums("trips", ["zone"], around);
    const cents = sums("cents", ["zone"], around);
    const trend = ending ? sums("dropoff_trips", ["dropoff_zone", "month"], keep) : sums(hasMoney ? "cents" : "trips", ["zone", "month"], around);
    const values = hasMoney ? cents : trips, all = total(values);
    const rows = zones.map((zone, place) => ({...zone, place, cents: ending ? 0 : cents[place], trips: trips[place], value: values[place], trend: keep.shown.map(month => trend[place][month])}))
      .filter(row => row.trips || row.cents).sort((one, other) => other.value - one.value || one.id - other.id).slice(0, TOP);
    const name = zoneName;
    return {
      heading: ending ? "Top drop-off zones" : "Top pickup zones",
      about: hasMoney ? "By revenue, US$; the small columns are its months." : "By trips; the small columns are its months.",
      table: [["Zone", "Borough", number("Trips"), number("Metered revenue, US$"), number("Share")],
        rows.map(row => [name(row), boroughs[row.borough], number(whole(row.trips)), number(revenueText(row, keep, ending)), number(percent(row.value / all))])],
      hatched: keep.shown.some(month => hasPart(keep, month)),
      parts: true,
      draw: () => {
        if (!rows.length) return message("No trip in this selection.");
        const head = make("tr", {}, make("th", {scope: "col"}, make("span", {class: "sr"}, "Rank")), make("th", {scope: "col"}, "Zone"), make("th", {scope: "col", class: "num wide-only"}, "Trips"),
          make("th", {scope: "col", class: "num"}, hasMoney ? "Revenue" : "Trips"), make("th", {scope: "col", class: "num wide-only"}, "Share"), make("th", {scope: "col"}, "Months"));
        const body = rows.map((row, rank) => make("tr", !ending && row.place === picked.zone ? {class: "picked"} : {}, make("td", {}, String(rank + 1)), make("td", {}, name(row), make("small", {}, boroughs[row.borough], ...(!hasMoney ? [] : [" ", explainButton(row, keep)]))),
          make("td", {class: "num wide-only"}, whole(row.trips)), make("td", {class: "num"}, hasMoney ? shortMoney(row.cents) : whole(row.trips)), make("td", {class: "num wide-only"}, percent(row.value / all)),
          make("td", {}, spark(row, keep, hasMoney))));
        if (!hasMoney) [head, ...body].forEach(line => line.children[2].remove());
        return make("div", {}, make("table", {class: "ranking"}, make("thead", {}, head), make("tbody", {}, ...body)), make("div", {class: "explain controls", id: "explain"}));
      },
    };
  },

  payment: keep => {
    const [trips, cents] = [sums("payment_trips", ["payment"], keep), sums("payment_cents", ["payment"], keep)];
    const all = total(trips);
    const rows = payments.map((name, place) => ({name, value: trips[place], cents: cents[place]})).filter(row => row.value || row.cents).sort((one, other) => other.value - one.value);
    return {
      parts: true,
      table: [["Payment method", number("Trips"), number("Share"), number("Metered revenue, US$")], rows.map(row => [row.name, number(whole(row.value)), number(percent(all ? row.value / all : 0)), number(money(row.cents))])],
      draw: width => (!keep.hasMoney ? message("Files of FHV and HVFHV do not say how passengers pay.") : !rows.length ? message("No metered trip in this selection.")
        : bars(rows, rows.map(row => row.name), width, 104, row => `${percent(all ? row.value / all : 0)} · ${short(row.value)}`, "Bars of trips by payment method", "var(--accent)", row => `${row.name}\n${plural(row.value, "trip")}\n${money(row.cents)}`)),
    };
  },

  airports: keep => {
    const trips = sums("trips", ["month", "zone"], keep);
    const everywhere = total(keep.shown.flatMap(month => trips[month]));
    const ports = zones.map((zone, place) => ({...zone, place})).filter(zone => zone.airport && keep.zone[zone.place]).sort((one, other) => other.id - one.id)
      .sort((one, other) => total(keep.shown.map(month => trips[month][other.place])) - total(keep.shown.map(month => trips[month][one.place])));
    const rows = keep.shown.flatMap(month => ports.map(port => ({month: months[month], part: hasPart(keep, month), completeness: completenessOf(keep, month), group: port.label, value: trips[month][port.place]})));
    const all = total(rows.map(row => row.value));
    const colors = ports.map(port => AIRPORT_COLORS[[132, 138, 1].indexOf(port.id)]);
    return {
      hatched: all > 0 && rows.some(row => row.part),
      table: [["Month", "Airport", number("Trips"), "Completeness"], rows.map(row => [monthName(row.month), row.group, number(whole(row.value)), row.completeness])],
      legend: all ? ports.map((port, place) => [port.label, colors[place]]) : [],
      note: all ? [`${plural(all, "trip")}, ${percent(all / everywhere)} of all trips in this selection.`, eventsText(inMonths(keep, eventsOf(keep)))].join(" ") : "",
      draw: width => (all ? columns(rows, keep, ports.map(port => port.label), colors, width, "Columns of trips by month and airport", short, row => `${monthName(row.month)}, ${row.group}\n${plural(row.value, "trip")}${warning(row)}`, inMonths(keep, eventsOf(keep)))
        : message("No trip of this selection begins at an airport.")),
    };
  },

  rejects: keep => {
    const rejected = sums("rejected_rows", ["reason", "service"], keep);
    const accepted = total(["trips", "voided_rows"].flatMap(measure => sums(measure, ["service"], {...keep, zone: keep.place})));
    const rows = reasons.flatMap((reason, place) => services.map((service, number) => ({name: reason.code.replaceAll("_", " "), ...reason, group: service.name, fill: COLORS[number], value: rejected[place][number], kept: keep.service[number]}))).filter(row => row.kept);
    const all = total(rows.map(row => row.value)), names = [...new Set(rows.filter(row => row.value).map(row => row.name))];
    return {
      parts: true,
      table: [["Reason", "Service", number("Rows")], rows.filter(row => row.value).map(row => [row.code, row.group, number(whole(row.value))])],
      legend: all ? services.flatMap((service, place) => (keep.service[place] ? [[service.name, COLORS[place]]] : [])) : [],
      note: `${whole(all)} of ${plural(accepted + all, "row")} (${twoDigits(100 * all / (accepted + all || 1))} %).`,
      draw: width => (all ? bars(rows.filter(row => row.value), names, width, 142, row => plural(row.value, "row"), "Bars of rejected rows by reason", row => row.fill, row => `${row.group}: ${plural(row.value, "row")}\n${row.text}`)
        : message("No row of this selection was rejected.")),
    };
  },
};

const shortMoney = cents => (Math.abs(cents) >= 1e8 ? compactDollars(cents / 100) : dollars(Math.round(cents / 100)).replace(/\.00$/, ""));

function spark(row, keep, hasMoney) {
  const [width, height] = [96, 26], most = Math.max(...row.trend, 1), step = width / row.trend.length;
  const node = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  for (const [key, value] of Object.entries({class: "spark", viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", role: "img"})) node.setAttribute(key, value);
  node.setAttribute("aria-label", row.trend.map((value, place) => `${monthName(months[keep.shown[place]])} ${hasMoney ? money(value) : whole(value)}`).join(", "));
  row.trend.forEach((value, place) => {
    const tall = Math.max(0, value) / most * height, bar = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    for (const [key, size] of Object.entries({x: place * step + step * .1, y: height - tall, width: step * .8, height: tall, fill: hasPart(keep, keep.shown[place]) ? hatch("var(--accent)") : "var(--accent)"})) bar.setAttribute(key, size);
    node.append(bar);
  });
  return node;
}
