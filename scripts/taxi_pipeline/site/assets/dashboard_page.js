// ---------------------------------------------------------------- totals, and their change
/** Days are kept by borough: the totals of a zone are those of its months. */
const byDay = keep => Boolean(keep.day) && picked.zone === null;
function figures(keep) {
  const by = byDay(keep) ? "day_" : "";
  const [trips, cents, riders, fares, tips] = ["trips", "cents", "rider_cents", "card_fare_cents", "card_tip_cents"].map(measure => sums(by + measure, ["service"], keep)).map((each, place) => (place ? total(each) : each));
  const paid = total(trips.filter((_, place) => metered[place]));
  return {trips: total(trips), cents: keep.hasMoney ? cents : null, riders: keep.hasRides ? riders : null, perTrip: keep.hasMoney && paid ? cents / paid : null, tipRate: keep.hasMoney && fares ? tips / fares : null};
}

/** The selected days that are loaded, in words. */
function daysText(keep) {
  const count = days.filter((_, at) => keep.day[at] && keep.shown.includes(monthOf[at])).length;
  return `${plural(count, "day")}, ${picked.days.map(at => days[at]).join(" to ")}`;
}

/** The months that are shown, in words: a span is one only where no month between is left out or not loaded. */
function monthsText(keep) {
  const names = keep.shown.map(place => monthName(months[place]));
  if (names.length < 2) return names[0] ?? "no month";
  if (isGapless(keep.shown)) return `${plural(names.length, "month")}, ${names[0]} to ${names.at(-1)}`;
  return names.length < 4 ? names.join(", ") : `${plural(names.length, "month")} between ${names[0]} and ${names.at(-1)}`;
}

const KPIS = [
  {key: "trips", name: "Trips", show: value => (value >= 1e6 ? compact(value) : whole(value)), exact: whole},
  {key: "cents", name: "Metered revenue, US$", show: value => (Math.abs(value) >= 1e8 ? compactDollars(value / 100) : money(value)), exact: money},
  ...(services.some(service => service.rides) ? [{key: "riders", name: "Rider payments, US$", show: value => (Math.abs(value) >= 1e8 ? compactDollars(value / 100) : money(value)), exact: money, about: "HVFHV, taxes and fees included", none: keep => (leavesOutRides(keep) ? "left out" : "no HVFHV")}] : []),
  {key: "perTrip", name: "Metered revenue per trip, US$", show: money, about: "yellow and green"},
  {key: "tipRate", name: "Card tip rate", show: percent, about: "card tips over card fares", points: true},
];

/** The last month shown against another: only services whose two months are loaded and not known to be incomplete. */
function comparison(keep, months_back) {
  const last = keep.shown.at(-1);
  const wanted = new Date(`${months[last]}-01T00:00:00Z`);
  wanted.setUTCMonth(wanted.getUTCMonth() - months_back);
  const name = wanted.toISOString().slice(0, 7), other = months.indexOf(name);
  const now = keep.service.map((kept, place) => kept && keep.usable[place][last]);
  const both_loaded = now.map((kept, place) => kept && other >= 0 && Boolean(loaded[place][other]));
  const service = both_loaded.map((kept, place) => kept && !isPart(place, last) && !isPart(place, other));
  if (!service.some(Boolean)) {
    const isThere = other >= 0 && keep.service.some((kept, place) => kept && loaded[place][other]);
    return {name, figures: null, why: both_loaded.some(Boolean) ? "incomplete" : isThere ? "others" : "missing"};
  }
  const usable = loaded.map(row => row.map(Boolean));
  const at = month => figures({...keep, usable, service, hasMoney: both(service, metered).some(Boolean), hasRides: both(service, riding).some(Boolean), month: months.map((_, place) => place === month)});
  const only = service.some((kept, place) => kept !== now[place]) ? `, ${services.filter((_, place) => service[place]).map(one => one.name).join(" and ")} only` : "";
  return {name, now: at(last), figures: at(other), only};
}

/** Months in these totals of which nobody knows whether they are whole. */
function unverified(keep) {
  const found = keep.shown.flatMap(month => services.flatMap((service, place) => {
    const verdict = keep.service[place] && keep.usable[place][month] ? completeness[place][month] : null;
    return verdict?.state === "unknown" ? [`${service.name} ${monthName(months[month])} (${verdict.text})`] : [];
  }));
  const named = found.slice(0, 3).join(", ");
  return found.length ? `Not verified as whole: ${named}${found.length > 3 ? ` and ${found.length - 3} more` : ""}.` : "";
}

function drawKpis(keep) {
  const last = keep.shown.at(-1), changes = last === undefined || byDay(keep) ? [] : [comparison(keep, 1), comparison(keep, 12)], value = figures(keep);
  const period = byDay(keep) && keep.shown.length ? daysText(keep) : monthsText(keep);
  const includesParts = keep.shown.some(month => hasPart(keep, month)), onlyParts = keep.shown.every(month => hasPart(keep, month));
  const partsText = !includesParts ? "" : onlyParts ? "incomplete months only" : "incomplete months included";
  element("kpis").replaceChildren(...KPIS.map(kpi => {
    const amount = value[kpi.key];
    const shown = isHidden(keep) ? "hidden" : amount === null ? kpi.none?.(keep) ?? "no fares" : kpi.show(amount);
    const exact = amount === null || !kpi.exact || kpi.exact(amount) === shown ? kpi.about ?? "" : kpi.exact(amount);
    const lines = changes.map(change => {
      const [now, before] = [change.now?.[kpi.key] ?? null, change.figures?.[kpi.key] ?? null];
      if (amount === null || now === null || !before) return "";
      const step = oneDecimal(kpi.points ? 100 * (now - before) : 100 * (now - before) / Math.abs(before)), isSame = /^−?0\.0$/.test(step);
      const text = `${isSame ? "= ±0.0" : step.startsWith("−") ? `▼ ${step}` : `▲ +${step}`} ${kpi.points ? "points" : "%"}`;
      // The change is of one month: its own amount stands beside it.
      return make("p", {class: "change"}, `${monthName(months[last])}${change.only}: ${kpi.show(now)} `, make("b", {}, text), ` vs. ${monthName(change.name)}`);
    });
    return make("section", {class: "card kpi", id: `kpi-${kpi.key}`}, make("h2", {}, kpi.name), make("p", {class: "value"}, shown), make("p", {class: "exact"}, [period, partsText, exact].filter(Boolean).join(" · ")), ...lines);
  }));
  const without = why => changes.filter(change => change.why === why).map(change => monthName(change.name)).join(" and ");
  const lacking = shown => (changes.filter(change => change.why === shown).length > 1 ? "are" : "is");
  element("kpi-note").textContent = [
    keep.leftOut ? `${plural(keep.leftOut, "incomplete month")} left out.` : "",
    unverified(keep),
    includesParts ? `These totals ${onlyParts ? "are of" : "include"} incomplete months.` : "",
    byDay(keep) ? "Totals of the selected days, by date of pickup; there is no change to show." : "",
    keep.day && picked.zone !== null ? "Totals of whole months: days are kept by borough, not by zone." : "",
    without("missing") ? `${without("missing")} ${lacking("missing")} not loaded: there is no change to show.` : "",
    without("others") ? `No change vs. ${without("others")}: none of the last month’s services is loaded there.` : "",
    without("incomplete") ? `No change vs. ${without("incomplete")}: one of the two months is incomplete.` : "",
  ].filter(Boolean).join(" ");
  const boxes = services.filter((_, place) => keep.service[place]).map(service => service.name).join(", ");
  element("status").textContent = `${boxes}, ${picked.zone === null ? "" : `${zones[picked.zone].label}, `}${period}: ${plural(value.trips, "trip")}${value.cents === null ? "" : `, ${money(value.cents)} of metered revenue`}${value.riders === null ? "" : `, ${money(value.riders)} of rider payments`}.${includesParts ? " Incomplete months are included." : ""}`;
}

// ---------------------------------------------------------------- drawing
function fill(panel, [head, rows]) {
  const cell = (name, item) => make(name, item.number ? {class: "num"} : {}, item.text ?? item);
  const headings = head.map(item => { const node = cell("th", item); node.scope = "col"; return node; });
  panel.querySelector(".table").replaceChildren(make("table", {}, make("thead", {}, make("tr", {}, ...headings)), make("tbody", {}, ...rows.map(row => make("tr", {}, ...row.map(item => cell("td", item)))))));
}

/** Panels whose bars or zones select what they show when they are clicked. */
const SELECTS = new Set(["revenue-service", "revenue-borough", "map", "airports", "rejects"]);
/** Panels of columns, a month or a year each. */
const IN_COLUMNS = new Set(["revenue-service", "revenue-borough", "airports"]);
/** Panels that keep their numbers by zone; the others have boroughs only. */
const BY_ZONE = new Set(["revenue-service", "revenue-borough", "map", "zones", "airports", "pairs"]);
/** What a panel has to say of a filter that it follows in part, and of incomplete months that it cannot hatch. */
function reaches(id, keep, content) {
  const shownMonths = keep.shown.map(month => monthName(months[month])).join(", ");
  const parts = content.parts ? keep.shown.filter(month => hasPart(keep, month)) : [];
  return [
    parts.length ? `Incomplete: ${parts.map(month => monthName(months[month]) + (parts.length < 3 ? ` (${completenessOf(keep, month)})` : "")).join("; ")}.` : "",
    isByYear(keep) && IN_COLUMNS.has(id) ? `Columns are years: more than ${MOST_MONTHS} months are selected.` : "",
    keep.day && id !== "daily" ? `Months of the selected days, whole: ${shownMonths}.` : "",
    picked.zone !== null && (!BY_ZONE.has(id) || (dropoffs() && ["map", "zones"].includes(id))) ? `Trips from all of ${boroughs[zones[picked.zone].borough]}: these numbers are not kept by pickup zone.` : "",
  ];
}
/** The filters that have no control of their own, each with a button that removes it. */
function drawChips() {
  const chip = (text, key) => {
    const button = make("button", {type: "button", class: "chip", "aria-label": `Remove the filter ${text}`}, text, make("span", {"aria-hidden": "true"}, "×"));
    button.addEventListener("click", () => pick({[key]: null}));
    return button;
  };
  element("chips").replaceChildren(...[
    picked.zone === null ? null : chip(`Pickup zone: ${zones[picked.zone].label}`, "zone"),
    picked.days === null ? null : chip(`Days: ${picked.days.map(at => days[at]).join(" to ")}`, "days"),
  ].filter(Boolean));
  const [first, end] = picked.days ?? [null, null];
  for (const [id, at] of [["day-from", first], ["day-to", end]]) Object.assign(element(id), {min: days[0], max: days.at(-1), value: at === null ? "" : days[at]});
}
let state = {};
function draw() {
  dropStale();
  const keep = selection();
  drawChips();
  drawKpis(keep);
  const hides = isHidden(keep) ? {draw: () => message(HIDDEN)} : {};
  state = Object.fromEntries(Object.entries(panels).map(([id, panel]) => [id, {...panel(keep), ...hides}]));
  for (const [id, content] of Object.entries(state)) {
    const panel = element(id);
    if (content.heading) panel.querySelector("h2").textContent = content.heading;
    if (content.about) panel.querySelector(".about").textContent = content.about;
    panel.querySelector(".note").textContent = [content.note, ...reaches(id, keep, content)].filter(Boolean).join(" ");
    if (content.legendNodes) panel.querySelector(".legend").replaceChildren(...content.legendNodes);
    else legend(panel, content.legend ?? [], content.hatched);
    if (panel.querySelector("details").open) fill(panel, content.table);
  }
  paint();
}
function paint() {
  const slots = Object.keys(state).map(id => element(id).querySelector(".chart"));
  const widths = slots.map(slot => Math.max(NARROWEST, Math.floor(slot.clientWidth)));
  Object.entries(state).forEach(([id, content], place) => {
    const drawn = content.draw(widths[place]);
    if (SELECTS.has(id) && content.selects !== false && drawn.tagName !== "P") {
      drawn.classList.add("selects");
      drawn.addEventListener("click", () => choose(drawn.value?.row ?? drawn.value));
    }
    slots[place].replaceChildren(drawn);
  });
}

for (const id of Object.keys(panels)) {
  const details = element(id).querySelector("details");
  details.addEventListener("toggle", () => { if (details.open) fill(element(id), state[id].table); });
}

/** The panel's numbers as a file of comma-separated values. */
function download(id) {
  const [head, rows] = state[id].table;
  const text = [head, ...rows].map(row => row.map(item => `"${String(item.text ?? item).replaceAll("−", "-").replaceAll('"', '""')}"`).join(",")).join("\r\n");
  save(`${id}.csv`, new Blob([text, "\r\n"], {type: "text/csv"}));
}
function save(name, blob) {
  const address = URL.createObjectURL(blob);
  make("a", {href: address, download: name}).click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}
for (const id of Object.keys(panels)) {
  element(id).querySelector(".csv").addEventListener("click", () => download(id));
  element(id).querySelector(".png").addEventListener("click", () => savePng(id));
}

/** What is selected as the address's fragment; what is as it was at first is left out. */
function fragment() {
  const boxes = [...form.querySelectorAll("[name=service]")], chosen = boxes.filter(box => box.checked);
  const parts = new URLSearchParams();
  if (chosen.length < boxes.length) parts.set("service", chosen.map(box => services[box.value].name).join(","));
  if (element("from").value !== "0") parts.set("from", months[element("from").value]);
  if (Number(element("to").value) !== months.length - 1) parts.set("to", months[element("to").value]);
  if (element("borough").value) parts.set("borough", boroughs[element("borough").value]);
  if (element("whole") && !element("whole").checked) parts.set("whole", "no");
  if (dropoffs()) parts.set("zones", "dropoff");
  if (picked.zone !== null) parts.set("zone", zones[picked.zone].id);
  if (picked.days) parts.set("days", picked.days.map(at => days[at]).join(".."));
  return parts.toString();
}
/** Set the controls by the address; what it names and the page lacks is passed over. */
function restore() {
  const parts = new URLSearchParams(location.hash.slice(1));
  const named = (parts.get("service") ?? "").split(",").filter(name => services.some(service => service.name === name));
  for (const box of form.querySelectorAll("[name=service]")) box.checked = !named.length || named.includes(services[box.value].name);
  const place = (list, key, otherwise) => (list.includes(parts.get(key)) ? String(list.indexOf(parts.get(key))) : otherwise);
  element("from").value = place(months, "from", "0");
  element("to").value = place(months, "to", String(months.length - 1));
  if (Number(element("from").value) > Number(element("to").value)) element("to").value = element("from").value;
  element("borough").value = place(boroughs, "borough", "");
  if (element("whole")) element("whole").checked = parts.get("whole") !== "no";
  element("end").value = parts.get("zones") === "dropoff" ? "dropoff" : "pickup";
  const zone = zones.findIndex(one => String(one.id) === parts.get("zone"));
  picked.zone = zone < 0 ? null : zone;
  if (picked.zone !== null) element("borough").value = String(zones[picked.zone].borough);
  picked.days = span(...(parts.get("days") ?? "").split(".."));
}
function remember() {
  const now = fragment();
  if (now !== location.hash.slice(1)) history.pushState(null, "", now ? `#${now}` : location.href.split("#")[0]);
}
/** The loaded days from one date to another, as places in `days`; null where there are none. */
function span(first, last) {
  if (!first || !last) return null;
  const inside = days.flatMap((day, at) => (day >= first && day <= last ? [at] : []));
  return inside.length ? [inside[0], inside.at(-1)] : null;
}
function pick(change) {
  Object.assign(picked, change);
  draw();
  remember();
}
/** Drag over a chart of days to select those below; a double click selects all. By touch it scrolls: there are two fields for it. */
function brushDays(plot, extent, shown) {
  const node = plot.tagName === "svg" ? plot : plot.querySelector("svg"), scale = plot.scale("x");
  const position = pixel => Math.min(shown.length - 1, Math.max(0, Math.round(scale.invert(pixel))));
  const brush = d3.brushX().extent(extent).touchable(false).on("end", ({selection: pixels, sourceEvent}) => {
    if (pixels && sourceEvent) pick({days: pixels.map(pixel => shown[position(pixel)])});
  });
  const group = d3.select(node).append("g").attr("class", "brush").call(brush);
  group.on("dblclick", () => { if (picked.days) pick({days: null}); });
}
for (const id of ["day-from", "day-to"]) element(id).addEventListener("change", () => {
  if (!element(id).validity.valid) return; // a year that is still being typed
  const [first, last] = ["day-from", "day-to"].map(name => element(name).value);
  if (!first && !last) return pick({days: null});
  pick({days: span(...[first || days[0], last || days.at(-1)].sort())});
});
addEventListener("keydown", event => {
  if (event.key === "Escape" && (picked.days || picked.zone !== null)) pick({days: null, zone: null});
});
addEventListener("popstate", () => { restore(); draw(); });

/** A click on a bar, a zone or a borough selects what it shows. */
function choose(row) {
  if (!row) return;
  const chosen = row.month ? months.flatMap((month, place) => (month.startsWith(row.month) ? [String(place)] : [])) : [];
  if (chosen.length) [element("from").value, element("to").value] = [chosen[0], chosen.at(-1)];
  const service = services.findIndex(one => one.name === row.group), borough = boroughs.indexOf(row.group);
  if (service >= 0) for (const box of form.querySelectorAll("[name=service]")) box.checked = Number(box.value) === service;
  if (borough >= 0) element("borough").value = String(borough);
  if (Number.isInteger(row.borough)) element("borough").value = String(row.borough);
  if (Number.isInteger(row.place)) picked.zone = picked.zone === row.place ? null : row.place;
  draw();
  remember();
}

form.addEventListener("change", event => {
  if (event.target.name === "service" && !form.querySelector("[name=service]:checked")) event.target.checked = true; // nothing at all is no selection
  const [from, to] = [element("from"), element("to")];
  if (Number(from.value) > Number(to.value)) (event.target === from ? to : from).value = event.target.value;
  draw();
  remember();
});
element("end").addEventListener("change", () => pick({}));
form.addEventListener("reset", () => setTimeout(() => {
  element("end").value = "pickup";
  pick({days: null, zone: null});
}));
let width = document.documentElement.clientWidth;
addEventListener("resize", () => {
  if (document.documentElement.clientWidth !== width) { width = document.documentElement.clientWidth; requestAnimationFrame(paint); }
});
restore();
draw();
