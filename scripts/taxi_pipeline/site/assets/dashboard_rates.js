// ---------------------------------------------------------------- speed and tips
panels.speed = keep => {
  const [trips, miles, seconds] = ["speed_trips", "speed_thousandths_of_miles", "speed_seconds"].map(measure => sums(measure, ["service", "hour"], keep));
  const kept = services.flatMap((_, place) => (keep.service[place] && total(trips[place]) ? [place] : []));
  const rows = kept.flatMap(place => range(0, 23).filter(hour => seconds[place][hour]).map(hour => ({service: services[place].name, color: COLORS[place], hour, trips: trips[place][hour],
    miles: miles[place][hour] / 1000, hours: seconds[place][hour] / 3600, mph: miles[place][hour] * 3.6 / seconds[place][hour]})));
  return {
    parts: true,
    table: [["Service", number("Hour"), number("Trips counted"), number("Miles"), number("Hours of driving"), number("Mean speed, mph")],
      rows.map(row => [row.service, number(String(row.hour)), number(whole(row.trips)), number(oneDecimal(row.miles)), number(oneDecimal(row.hours)), number(oneDecimal(row.mph))])],
    legend: kept.map(place => [services[place].name, COLORS[place], "line"]),
    note: services.some((service, place) => keep.service[place] && !service.hasDistance) && rows.length ? "FHV files carry no distance." : "",
    draw: width => (rows.length ? Plot.plot({
      width, height: 250, marginLeft: 34, marginRight: 8, marginTop: 10, marginBottom: 38, ariaLabel: "Lines of mean speed by hour of pickup and service",
      x: {domain: [0, 23], label: null}, y: {zero: true, nice: true, grid: true, label: null},
      marks: [
        Plot.axisX(range(0, 23).filter(hour => hour % 3 === 0), {tickSize: 0, label: "Hour of pickup, 0 to 23", labelAnchor: "center", labelArrow: "none"}), Plot.axisY({ticks: 5, tickSize: 0, label: null}),
        Plot.ruleY([0], {stroke: "var(--muted)"}),
        Plot.lineY(rows, {x: "hour", y: "mph", z: "service", stroke: row => row.color, strokeWidth: 2.5}),
        Plot.dot(rows, {x: "hour", y: "mph", r: 2, fill: row => row.color}),
        Plot.tip(rows, Plot.pointer({x: "hour", y: "mph", title: row => `${row.service}, ${row.hour}:00 to ${row.hour}:59\n${oneDecimal(row.mph)} mph\n${plural(row.trips, "trip")}`, fontSize: 12})),
      ],
      color: {type: "identity"},
    }) : message(services.some((service, place) => keep.service[place] && service.hasDistance) ? "No trip of this selection has a speed." : "FHV files carry no distance: there is no speed to show.")),
  };
};

panels.tips = keep => {
  const trips = sums("band_trips", ["service", "band"], keep);
  const rated = bands.flatMap((band, place) => (/^\d/.test(band) ? [place] : [])), unrated = bands.flatMap((band, place) => (/^\d/.test(band) ? [] : [place]));
  const name = band => (band === "0" ? "no tip" : `${band.replace("-", " to ")} %`);
  const series = services.flatMap((service, place) => {
    const all = total(rated.map(band => trips[place][band]));
    return keep.service[place] && all ? [{service: service.name, color: COLORS[place], all, rows: rated.map(band => ({band: bands[band], service: service.name, value: trips[place][band], share: trips[place][band] / all}))}] : [];
  });
  const without = total(services.flatMap((_, place) => (keep.service[place] ? unrated.map(band => trips[place][band]) : [])));
  const most = Math.max(0, ...series.flatMap(one => one.rows.map(row => row.share)));
  return {
    parts: true,
    table: [["Service", "Tip over fare, %", number("Card trips"), number("Share")], series.flatMap(one => one.rows.map(row => [row.service, row.band, number(whole(row.value)), number(percent(row.share))]))],
    note: without ? `${plural(without, "card trip")} without a fare above zero ${without === 1 ? "has" : "have"} no rate.` : "",
    draw: width => {
      if (!series.length) return message(keep.hasMoney ? "No trip of this selection was paid by card." : "Files of FHV and HVFHV do not say what is paid by card.");
      const block = make("div");
      series.forEach((one, order) => {
        const last = order === series.length - 1;
        block.append(make("h3", {}, make("i", {class: "swatch", style: `background:${one.color}`}), `${one.service}, ${plural(one.all, "card trip")}`), Plot.plot({
          width, height: Math.round(220 / series.length) + (last ? 32 : 0), marginLeft: 40, marginRight: 4, marginTop: 16, marginBottom: last ? 38 : 6, ariaLabel: `Histogram of the tip rate, ${one.service}`,
          x: {type: "band", domain: one.rows.map(row => row.band), padding: .12, label: null, axis: null}, y: {domain: [0, most], grid: true, label: null},
          marks: [
            Plot.axisY({ticks: 3, tickSize: 0, label: null, tickFormat: share => `${whole(100 * share)} %`}),
            Plot.barY(one.rows, {x: "band", y: "share", fill: one.color, title: row => `${row.service}, ${name(row.band)}\n${plural(row.value, "card trip")}, ${percent(row.share)}`, ...tip}),
            Plot.ruleY([0], {stroke: "var(--muted)"}),
            width < 330 ? null : Plot.text(one.rows, {x: "band", y: "share", text: row => (row.value ? `${whole(100 * row.share)}` : ""), dy: -7, fontSize: 11}),
            last ? Plot.axisX({tickSize: 0, label: "Tip as a percentage of the fare", labelAnchor: "center", labelArrow: "none", fontSize: width < 400 ? 9 : 12, tickFormat: band => band}) : null,
          ],
        }));
      });
      return block;
    },
  };
};
