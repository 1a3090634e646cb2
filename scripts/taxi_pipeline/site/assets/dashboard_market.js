// ---------------------------------------------------------------- companies: Uber and Lyft beside the taxis
const colorOf = name => `var(--${name.toLowerCase()})`;
/** Rows of {month, group, ...measures}, and the companies that have trips in them. */
function companyRows(keep, measures) {
  const sum = measures.map(measure => sums(measure, ["company", "month"], keep));
  const rows = companies.flatMap(({name, service}, place) => keep.shown.filter(month => keep.service[service] && keep.usable[service][month]).map(month => ({
    month: months[month], part: isPart(service, month), completeness: completeness[service][month]?.text ?? "", group: name, rides: services[service].rides,
    ...Object.fromEntries(measures.map((measure, at) => [measure, sum[at][place][month]])),
  })));
  const kept = companies.map(company => company.name).filter(name => rows.some(row => row.group === name && row.share_trips));
  return [rows.filter(row => kept.includes(row.group)), kept];
}

panels.market = keep => {
  const [rows, kept] = companyRows(keep, ["share_trips", "wait_trips", "wait_seconds", "share_speed_seconds", "share_thousandths_of_miles"]);
  const all = new Map(d3.rollups(rows, group => total(group.map(row => row.share_trips)), row => row.month));
  const held = rows.filter(row => row.share_trips);
  const someServices = keep.shown.filter(month => services.some((_, place) => keep.service[place] && !keep.usable[place][month]));
  const minutes = row => (row.wait_trips ? oneDecimal(row.wait_seconds / row.wait_trips / 60) : "");
  const mph = row => (row.share_speed_seconds ? oneDecimal(row.share_thousandths_of_miles * 3.6 / row.share_speed_seconds) : "");
  return {
    hatched: held.some(row => row.part),
    table: [["Month", "Company", number("Trips"), number("Share"), number("Mean wait, minutes"), number("Mean speed, mph"), "Completeness"],
      held.map(row => [monthName(row.month), row.group, number(whole(row.share_trips)), number(percent(row.share_trips / all.get(row.month))), number(minutes(row)), number(mph(row)), row.completeness])],
    legend: kept.map(name => [name, colorOf(name)]),
    note: kept.length ? [
      someServices.length ? `Shares are of the trips in the loaded files: ${someServices.length} of ${keep.shown.length} ${keep.shown.length === 1 ? "month" : "months"} ${someServices.length === 1 ? "lacks" : "lack"} files of some of these services.` : "",
      held.some(row => row.part) ? "The shares of an incomplete month are those of its excerpts, not of the market." : "",
    ].filter(Boolean).join(" ") : "",
    draw: width => {
      if (!kept.length) return message("No trip in this selection.");
      const {bars: shown, periods} = byPeriod(held.map(row => ({...row, value: row.share_trips})), keep), axis = axisPeriods(periods, width);
      const sum = new Map(d3.rollups(shown, group => total(group.map(row => row.value)), row => row.month));
      return Plot.plot({
        width, height: 250, marginLeft: 54, marginRight: 4, marginTop: 12, marginBottom: 36, ariaLabel: "Columns of each company's share of the trips, by month",
        x: axis.x, y: {domain: [0, 1], label: null, grid: true},
        marks: [
          Plot.axisY({ticks: 5, tickSize: 0, label: null, tickFormat: share => `${whole(100 * share)} %`}),
          Plot.barY(shown, Plot.stackY({x: "month", y: row => row.value / sum.get(row.month), z: "group", order: kept, fill: row => (row.part ? hatch(colorOf(row.group)) : colorOf(row.group)), stroke: "var(--surface)", strokeWidth: .6,
            title: row => `${monthName(row.month)}, ${row.group}\n${plural(row.value, "trip")}, ${percent(row.value / sum.get(row.month))}${warning(row)}`, ...tip})),
          Plot.ruleY([0], {stroke: "var(--muted)"}),
          axis.mark,
        ],
        color: {type: "identity"},
      });
    },
  };
};

panels.riders = keep => {
  const [all] = companyRows(keep, ["share_trips", "share_rider_cents", "driver_cents"]);
  const rows = all.filter(row => row.rides).map(row => ({...row, cents: row.share_rider_cents, value: row.share_rider_cents / 100}));
  const kept = companies.map(company => company.name).filter(name => rows.some(row => row.group === name));
  const paid = total(rows.map(row => row.cents)), driver = total(rows.map(row => row.driver_cents));
  return {
    hatched: rows.some(row => row.part),
    table: [["Month", "Company", number("Rider payments, US$"), number("Driver pay, US$"), "Completeness"], rows.map(row => [monthName(row.month), row.group, number(money(row.cents)), number(money(row.driver_cents)), row.completeness])],
    legend: kept.map(name => [name, colorOf(name)]),
    note: paid ? `Drivers got ${money(driver)} of ${money(paid)}, without tolls and tips.` : "",
    draw: width => (!rows.length ? message(leavesOutRides(keep) ? "The HVFHV months of this selection are incomplete and left out." : "No HVFHV month is in this selection.") : !paid ? message("These files have no amounts.")
      : columns(rows, keep, kept, kept.map(colorOf), width, "Columns of rider payments by month and company", shortDollars, row => `${monthName(row.month)}, ${row.group}\n${money(row.cents)}${warning(row)}`)),
  };
};
