// ---------------------------------------------------------------- from where to where, and how a number is explained
panels.flows = keep => {
  const trips = sums("flow_trips", ["borough", "dropoff_borough"], keep), all = total(trips.map(total));
  const from = boroughs.flatMap((_, place) => (total(trips[place]) ? [place] : []));
  const to = boroughs.flatMap((_, place) => (total(trips.map(row => row[place])) ? [place] : []));
  const cells = from.flatMap(start => to.map(end => ({start: boroughs[start], end: boroughs[end], value: trips[start][end]})));
  const most = Math.max(0, ...cells.map(cell => cell.value));
  const strength = cell => Math.sqrt(cell.value / (most || 1));
  return {
    parts: true,
    table: [["Pickup borough", "Drop-off borough", number("Trips"), number("Share")], cells.filter(cell => cell.value).map(cell => [cell.start, cell.end, number(whole(cell.value)), number(percent(cell.value / all))])],
    legendNodes: most ? [make("span", {}, "0"), make("i", {class: "ramp"}), make("span", {}, `${whole(most)} trips (square root scale)`)] : [],
    draw: width => (most ? Plot.plot({
      width, height: 108 + Math.max(120, 40 * from.length), marginLeft: 92, marginRight: 2, marginTop: 4, marginBottom: 104, ariaLabel: "Heat map of trips by borough of pickup and of drop-off",
      x: {type: "band", domain: to.map(place => boroughs[place]), padding: .05}, y: {type: "band", domain: from.map(place => boroughs[place]), padding: .05}, color: {type: "identity"},
      marks: [
        Plot.axisX({tickSize: 0, label: "Borough of drop-off", labelAnchor: "center", labelArrow: "none", tickRotate: -40}), Plot.axisY({tickSize: 0, label: null}),
        Plot.cell(cells, {x: "end", y: "start", rx: 3, fill: cell => `color-mix(in oklab, var(--heat-high) ${(100 * strength(cell)).toFixed(1)}%, var(--heat-low))`,
          title: cell => `${cell.start} to ${cell.end}\n${plural(cell.value, "trip")}, ${percent(cell.value / all)}`, ...tip}),
        width / to.length < 52 ? null : Plot.text(cells.filter(cell => cell.value), {x: "end", y: "start", text: cell => short(cell.value), fill: cell => (strength(cell) > .55 ? "var(--surface)" : "var(--text)"), pointerEvents: "none"}),
      ],
    }) : message("No trip in this selection.")),
  };
};

panels.pairs = keep => {
  const trips = sums("pair_trips", ["pair"], keep), all = total(sums("trips", ["service"], keep));
  // A pair that the page does not hold has at most so many trips; only pairs above it are certain to be the largest.
  const bound = Math.max(0, ...sums("pair_bound", ["borough"], keep));
  const held = pairs.map((pair, place) => ({from: zones[pair.from], to: zones[pair.to], value: trips[place]})).filter(row => row.value)
    .sort((one, other) => other.value - one.value || one.from.id - other.from.id || one.to.id - other.to.id);
  const rows = held.filter(row => row.value > bound).slice(0, TOP);
  const lost = sums("flow_trips", ["borough", "dropoff_borough"], keep), unknown = boroughCodes.indexOf("Unknown");
  const without = total(lost.map((row, start) => (start === unknown ? total(row) : row[unknown])));
  return {
    parts: true,
    table: [["Pickup zone", "Drop-off zone", number("Trips"), number("Share")], rows.map(row => [zoneName(row.from), zoneName(row.to), number(whole(row.value)), number(percent(row.value / all))])],
    note: [
      without && picked.zone === null ? `${plural(without, "trip")} with an unknown zone at one end ${without === 1 ? "is" : "are"} left out.` : "",
      rows.length < TOP && held.length ? "Listed are the pairs that are certain to be the largest." : "",
    ].filter(Boolean).join(" "),
    draw: () => {
      if (!rows.length) return message(held.length ? "No pair of zones stands out in this selection." : "No trip of this selection has two known zones.");
      const cell = (name, text, more = {}) => make(name, more, text);
      const end = zone => make("td", {}, zoneName(zone), make("small", {}, boroughs[zone.borough]));
      return make("table", {class: "ranking"},
        make("thead", {}, make("tr", {}, make("th", {scope: "col"}, make("span", {class: "sr"}, "Rank")), cell("th", "From", {scope: "col"}), cell("th", "To", {scope: "col"}), cell("th", "Trips", {scope: "col", class: "num"}), cell("th", "Share", {scope: "col", class: "num wide-only"}))),
        make("tbody", {}, ...rows.map((row, rank) => make("tr", {}, cell("td", String(rank + 1)), end(row.from), end(row.to), cell("td", whole(row.value), {class: "num"}), cell("td", percent(row.value / all), {class: "num wide-only"})))));
    },
  };
};

/** The commands that take a zone's number apart, one for each service and month that it is the sum of. */
function explanations(zone, keep) {
  const [trips, voided] = ["trips", "voided_rows"].map(measure => sums(measure, ["service", "month"], {...keep, zone: zones.map((_, place) => place === zone.place)}));
  return services.flatMap((service, place) => (service.metered ? keep.shown.filter(month => trips[place][month] + voided[place][month])
    .map(month => `taxi explain --mart monthly_zone_revenue --month ${months[month]} --zone ${zone.id} --service ${service.file}${data.target ? ` --target ${data.target}` : ""}`) : []));
}
function explainButton(zone, keep) {
  const button = make("button", {type: "button", class: "link", "aria-controls": "explain"}, "Explain", make("span", {class: "sr"}, ` ${zoneName(zone)}`));
  button.addEventListener("click", () => {
    const text = explanations(zone, keep).join("\n"), copy = make("button", {type: "button", class: "copy"}, "Copy");
    const code = make("pre", {tabindex: "0", role: "region", "aria-label": `Commands that explain ${zoneName(zone)}`}, text);
    copy.addEventListener("click", async () => {
      try { await navigator.clipboard.writeText(text); } catch {
        getSelection().selectAllChildren(code); // a page that may not write to the clipboard selects the text instead
        document.execCommand("copy");
      }
      copy.textContent = "Copied";
    });
    element("explain").replaceChildren(make("p", {}, `${zoneName(zone)}: ${text.includes("\n") ? "these commands take its revenue apart, month by month" : "this command takes its revenue apart"}, down to the rows of TLC's files.`), code, copy);
    code.scrollIntoView({block: "nearest"});
  });
  return button;
}
