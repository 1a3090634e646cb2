"""Where trips start and end: TLC's taxi zones, how busy they are and how far apart.

Coordinates are the middles of TLC's zones, in miles east and north of 40.75 N, 73.98 W. Weights
are shares of trips in thousandths, rounded, as measured on TLC's files (yellow March, June and
November 2019; green January 2024; FHV April 2020). They are figures about zones, not trips.

Zones that the pathologies plant (Corona 56/57, the islands 103-105, unknown 264/265) are missing
here on purpose, so that every row that has one was planted.
"""

from dataclasses import dataclass

import numpy as np

from taxi_pipeline.sample.draws import Bools, Draws, Floats, Ints
from taxi_pipeline.schemas import Service

# zone, miles east, miles north, weight of yellow pickup, yellow dropoff, green pickup,
# green dropoff, FHV
_ZONES = """
1 -10.2 -4.0 0 2 0 1 1; 3 6.9 7.9 0 0 0 0 10; 4 0.2 -1.8 1 4 0 1 1; 5 -10.9 -13.6 0 0 0 0 1;
6 -4.8 -10.3 0 0 0 0 1; 7 3.2 0.8 1 4 27 14 2; 9 10.1 0.1 0 0 0 0 1; 10 9.9 -4.9 0 1 0 2 1;
11 -1.4 -10.1 0 0 0 0 1; 12 -1.9 -3.2 0 1 0 0 1; 13 -1.9 -2.6 9 9 0 1 1; 14 -2.6 -8.6 0 1 0 1 3;
15 10.2 2.3 0 0 0 0 1; 16 10.8 0.9 0 0 0 1 1; 17 1.6 -4.0 0 1 2 5 10; 18 4.7 8.1 0 0 0 1 12;
19 13.3 -1.0 0 0 0 0 1; 20 4.9 7.4 0 0 0 1 6; 21 -0.2 -10.3 0 0 0 1 2; 22 -0.8 -9.5 0 0 0 0 5;
23 -10.0 -9.9 0 0 0 0 2; 24 0.8 3.6 3 3 7 10 1; 25 -0.3 -4.4 1 2 6 4 2; 26 -0.5 -8.2 0 0 0 1 6;
28 9.0 -2.6 0 1 1 6 2; 29 1.0 -11.7 0 0 1 1 1; 31 5.5 7.4 0 0 0 0 1; 32 6.0 7.9 0 0 0 0 5;
33 -0.8 -3.7 1 3 9 4 2; 34 0.5 -3.4 0 0 0 1 1; 35 3.7 -5.9 0 0 1 1 15; 36 3.3 -3.4 0 1 1 1 3;
37 3.0 -3.8 0 1 1 2 6; 38 12.8 -3.8 0 0 0 1 1; 39 4.2 -7.7 0 1 1 1 6; 40 -0.8 -4.9 0 1 1 3 1;
41 1.5 3.7 4 8 46 35 11; 42 2.1 4.7 2 5 21 31 17; 43 0.8 2.2 16 14 49 17 1;
44 -13.3 -15.5 0 0 0 0 2; 45 -1.0 -2.6 2 3 0 1 1; 47 4.2 6.4 0 0 1 1 14; 48 -0.5 0.8 33 29 0 6 1;
49 0.9 -4.3 0 2 1 11 6; 50 -0.8 1.1 9 12 0 2 1; 51 8.0 8.6 0 0 0 0 10; 52 -0.9 -4.4 0 1 2 2 1;
53 7.2 2.1 0 0 0 1 1; 54 -1.2 -4.3 0 0 0 1 1; 55 -0.4 -11.9 0 0 3 2 5; 60 4.9 5.8 0 0 0 0 6;
61 2.1 -5.2 0 2 2 7 15; 62 1.6 -5.8 0 1 1 2 4; 63 5.3 -4.6 0 0 0 1 15; 64 12.6 0.7 0 0 0 0 1;
65 -0.3 -3.8 1 2 29 3 1; 66 -0.3 -3.3 0 1 11 2 1; 67 -1.8 -9.0 0 0 0 0 2; 68 -1.0 -0.1 23 23 0 4 2;
69 3.4 5.6 0 1 1 2 18; 70 5.8 0.9 0 1 1 3 1; 71 2.2 -7.3 0 1 1 1 7; 72 3.0 -6.7 0 0 0 1 4;
73 9.1 0.3 0 0 0 1 1; 74 2.2 3.5 5 9 215 51 13; 75 1.8 2.8 7 12 150 55 11; 76 5.4 -6.1 0 1 1 2 20;
77 4.4 -5.8 0 0 0 0 4; 78 5.0 6.6 0 0 0 1 14; 79 -0.3 -1.5 26 22 0 3 1; 80 2.3 -2.4 0 2 3 2 3;
81 7.0 8.8 0 0 0 0 8; 82 5.4 -0.7 0 1 46 15 4; 83 4.6 -0.8 0 0 9 7 3; 84 -10.9 -15.3 0 0 0 0 1;
85 1.5 -7.2 0 0 0 1 4; 86 11.8 -10.2 0 0 0 1 1; 87 -1.4 -3.0 7 8 0 1 1; 88 -1.7 -3.2 4 4 0 1 1;
89 1.0 -7.7 0 1 1 4 5; 90 -0.9 -0.5 18 15 0 1 1; 91 2.6 -8.5 0 0 0 1 3; 92 7.9 0.8 0 1 7 4 3;
93 7.3 -0.6 0 1 0 1 2; 94 4.2 7.5 0 0 0 1 4; 95 6.9 -2.0 0 1 52 24 2; 97 0.3 -4.1 1 2 34 10 3;
98 10.6 -1.1 0 0 0 1 1; 100 -0.5 0.2 18 16 0 1 1; 101 14.1 -0.3 0 0 0 0 1; 102 5.5 -3.2 0 0 0 3 4;
106 -0.6 -5.3 0 1 0 2 1; 107 -0.2 -0.9 24 20 0 3 2; 108 -0.1 -11.2 0 0 0 0 3;
109 -9.0 -13.7 0 0 0 0 1; 112 1.6 -1.4 0 3 2 3 1; 113 -0.7 -1.2 14 13 0 1 1;
114 -0.9 -1.5 12 10 0 1 1; 115 -5.7 -9.1 0 0 0 0 3; 116 1.6 5.3 1 3 8 12 4;
117 10.0 -10.8 0 0 0 0 5; 118 -8.0 -11.3 0 0 0 0 1; 119 2.8 6.1 0 0 0 1 8; 121 9.3 -1.5 0 0 1 5 2;
122 11.5 -2.7 0 0 0 1 1; 123 0.8 -10.4 0 0 0 1 4; 124 7.1 -6.3 0 0 0 0 4; 125 -1.4 -1.6 6 6 0 1 1;
126 4.9 4.3 0 0 0 1 15; 127 3.2 8.0 0 1 1 2 2; 129 5.0 0.5 1 2 25 21 4; 130 9.7 -3.1 0 1 24 6 2;
131 10.7 -2.0 0 0 0 2 1; 132 10.1 -7.1 32 9 0 8 1; 133 0.2 -7.5 0 1 0 1 4; 134 7.9 -2.9 0 0 11 8 1;
135 8.3 -1.5 0 0 0 5 1; 136 3.9 8.0 0 0 0 1 5; 137 0.2 -0.7 12 14 0 2 4; 138 5.6 1.7 26 12 1 23 1;
139 12.4 -5.0 0 0 0 1 1; 140 1.3 1.1 18 19 0 12 5; 141 1.1 1.2 25 27 0 14 1;
142 -0.1 1.6 30 26 0 14 2; 143 -0.4 1.8 12 14 0 6 1; 144 -0.9 -2.0 10 8 0 1 1;
145 1.6 -0.3 2 4 2 5 1; 146 2.4 0.3 1 2 2 4 1; 147 4.2 4.8 0 0 0 1 10; 148 -0.6 -2.1 13 10 0 2 2;
149 1.7 -10.0 0 0 0 0 2; 150 1.9 -11.7 0 0 0 1 1; 151 0.6 3.3 8 9 0 22 2; 152 1.4 4.7 1 2 5 10 3;
153 3.6 8.7 0 0 0 0 2; 155 3.4 -9.3 0 0 0 0 1; 157 4.1 -1.8 0 0 2 4 4; 158 -1.5 -1.0 10 10 0 1 1;
159 3.5 4.7 0 1 1 2 10; 160 5.2 -2.2 0 1 0 4 3; 161 0.1 0.6 40 39 0 7 1; 162 0.4 0.5 36 30 0 5 1;
163 0.1 1.0 29 23 0 4 1; 164 -0.3 -0.1 22 22 0 2 1; 165 1.2 -8.9 0 0 1 1 4;
166 1.0 4.1 6 9 47 32 2; 167 4.1 5.3 0 0 1 1 13; 168 3.3 4.0 0 1 1 3 19; 169 3.9 6.8 0 0 1 1 19;
170 0.1 -0.2 28 31 0 4 2; 171 8.9 1.3 0 0 0 1 1; 172 -6.6 -12.3 0 0 0 0 1; 173 6.1 0.2 0 1 1 4 2;
174 5.3 8.8 0 0 0 1 18; 175 11.8 -0.5 0 0 0 0 1; 177 3.5 -5.1 0 0 0 1 8; 178 0.5 -9.2 0 0 0 0 1;
179 2.7 1.5 0 1 3 7 3; 180 7.0 -5.1 0 0 0 0 2; 181 -0.1 -5.5 1 3 4 9 3; 182 6.4 6.1 0 0 0 1 12;
183 7.8 6.8 0 0 0 0 1; 185 6.6 7.2 0 0 0 0 12; 186 -0.7 -0.1 35 25 0 2 1; 187 -8.4 -8.4 0 0 0 0 2;
188 1.7 -6.3 0 1 2 4 12; 189 0.7 -5.0 0 1 1 4 1; 190 0.6 -6.1 0 0 0 1 1; 191 12.5 -2.4 0 0 1 1 1;
192 8.6 -0.4 0 0 0 1 1; 193 2.0 0.7 1 1 6 5 1; 194 2.9 2.8 0 0 0 0 1; 195 -1.5 -5.1 0 1 2 2 1;
196 6.1 -1.6 0 0 6 6 1; 197 7.8 -3.8 0 1 1 5 6; 198 4.1 -3.0 0 1 0 2 6; 200 3.8 10.3 0 0 0 1 2;
201 7.2 -11.9 0 0 0 0 1; 202 1.6 0.8 0 0 1 1 1; 203 12.6 -6.4 0 0 0 0 1; 205 11.4 -4.1 0 0 0 2 1;
206 -7.5 -7.9 0 0 0 0 7; 207 4.2 1.0 0 0 0 0 1; 208 8.2 5.1 0 0 0 0 1; 209 -1.2 -2.8 2 3 0 1 1;
210 2.1 -10.9 0 0 3 2 1; 211 -1.1 -1.8 8 9 0 1 1; 212 5.8 5.4 0 0 1 0 14; 213 6.4 4.7 0 0 0 1 16;
214 -5.5 -11.3 0 0 0 0 2; 215 9.9 -3.8 0 1 1 3 1; 216 8.4 -5.1 0 1 1 4 6; 217 1.1 -3.2 0 1 1 1 10;
218 10.8 -5.4 0 0 0 1 1; 219 11.3 -6.1 0 1 0 1 2; 220 3.6 9.1 0 1 0 1 2; 221 -5.3 -9.0 0 0 0 0 3;
222 5.1 -7.1 0 0 0 0 5; 223 3.9 1.9 1 2 7 9 1; 224 0.2 -1.3 2 4 0 1 1; 225 2.5 -4.3 0 1 1 4 4;
226 2.9 -0.8 2 2 4 8 3; 227 -1.3 -7.5 0 1 0 1 8; 228 -1.6 -6.7 0 1 1 2 11; 229 0.8 0.5 19 19 0 4 1;
230 -0.2 0.7 35 31 0 4 1; 231 -1.5 -2.2 16 15 0 2 1; 232 -0.2 -2.4 1 4 0 1 1;
233 0.5 -0.0 13 15 0 2 1; 234 -0.5 -0.7 29 26 0 2 1; 235 3.4 7.1 0 1 1 2 14;
236 1.2 2.1 38 38 6 48 1; 237 0.8 1.3 43 39 0 17 1; 238 0.4 2.9 20 22 0 39 1;
239 0.1 2.3 25 25 0 23 1; 241 4.4 8.7 0 0 0 0 13; 242 6.8 6.7 0 0 1 1 14; 243 2.5 7.4 0 2 3 6 6;
244 2.0 6.3 1 3 23 13 19; 245 -6.4 -8.3 0 0 0 0 1; 246 -1.3 0.2 16 18 0 2 1;
247 2.9 5.5 0 1 1 2 16; 248 5.6 5.8 0 0 0 0 11; 249 -1.2 -1.1 20 17 0 1 1; 250 6.9 5.7 0 0 0 0 4;
251 -7.6 -9.2 0 0 0 0 1; 252 8.6 2.6 0 0 0 1 1; 254 6.3 9.1 0 0 0 0 23; 255 1.2 -2.2 1 3 3 2 1;
256 1.1 -2.7 1 3 2 2 3; 257 0.1 -6.7 0 1 0 1 1; 258 6.5 -4.2 0 0 0 2 5; 259 6.7 10.2 0 0 0 0 14;
260 3.9 -0.4 0 2 17 10 2; 261 -1.7 -2.8 6 5 0 1 1; 262 1.8 1.8 13 13 0 14 1;
263 1.5 2.0 19 20 1 25 1
"""

EWR, JFK, LGA = 1, 132, 138
_AIRPORTS = (EWR, JFK, LGA)

_CBD = (
    *(4, 12, 13, 45, 48, 50, 68, 79, 87, 88, 90, 100, 107, 113, 114, 125, 137, 144, 148, 158, 161),
    *(162, 163, 164, 170, 186, 209, 211, 224, 229, 230, 231, 232, 233, 234, 246, 249, 261),
)
_UP_TO_96TH = (43, 140, 141, 142, 143, 236, 237, 238, 239, 262, 263)
_UPPER_MANHATTAN = (24, 41, 42, 74, 75, 116, 127, 151, 152, 153, 166, 194, 202, 243, 244)


def is_in(zones: Ints, members: tuple[int, ...]) -> Bools:
    """Whether each zone is one of the members."""
    return np.asarray(np.isin(zones, np.array(members)), dtype=np.bool_)


def in_congestion_zone(zones: Ints) -> Bools:
    """Manhattan below 96th Street, where the congestion surcharge of 2019 is charged."""
    return is_in(zones, _CBD + _UP_TO_96TH)


def in_cbd(zones: Ints) -> Bools:
    """Manhattan below 60th Street, the toll zone of 2025 (to the nearest taxi zone)."""
    return is_in(zones, _CBD)


def in_manhattan(zones: Ints) -> Bools:
    """Manhattan, to or from which the JFK flat fare holds."""
    return is_in(zones, _CBD + _UP_TO_96TH + _UPPER_MANHATTAN)


def is_at_airport(zones: Ints) -> Bools:
    """LaGuardia and JFK, whose pickups and dropoffs cost a fee, and Newark."""
    return is_in(zones, _AIRPORTS)


@dataclass(frozen=True)
class Routes:
    """Pickup zones, dropoff zones and the straight line between them in miles."""

    pickup: Ints
    dropoff: Ints
    miles: Floats


def _table() -> Floats:
    rows = [row.split() for row in _ZONES.replace("\n", " ").split(";")]
    return np.array(rows, dtype=np.float64)


def draw_routes(draws: Draws, service: Service, size: int) -> Routes:
    """Draw where trips start, and from there where they end: near places are likelier.

    Args:
        draws: the stream to draw from.
        service: whose zone weights to use.
        size: how many routes.
    """
    table = _table()
    zones = table[:, 0].astype(np.int64)
    shares = {
        Service.YELLOW: (table[:, 3], table[:, 4]),
        Service.GREEN: (table[:, 5], table[:, 6]),
        Service.FHV: (table[:, 7], table[:, 7]),
        # A judgment: all over the city as FHV, and to Manhattan and the airports as yellow.
        Service.HVFHV: (table[:, 4] + table[:, 7], table[:, 4] + table[:, 7]),
    }[service]
    # A zone that rounds to nothing still has a trip now and then.
    start_weight = shares[0] + (0.02 if service is Service.YELLOW else 0.1)
    end_weight = shares[1] + 0.1
    if service is Service.GREEN:  # no street hail at the airports or in the business district
        start_weight = np.where(is_in(zones, _AIRPORTS), 0.0, start_weight)
        start_weight = np.where(in_cbd(zones), 0.02, start_weight)

    east, north = table[:, 1], table[:, 2]
    gap = np.sqrt((east[:, None] - east) ** 2 + (north[:, None] - north) ** 2)
    nearness = 1.0 / (1.0 + (gap / 1.3) ** 2)
    # People ride to and from an airport from everywhere, so there distance matters little.
    to_airport = is_in(zones, _AIRPORTS)
    nearness[:, to_airport] = 0.12
    nearness[to_airport, :] = 0.3
    nearness[np.ix_(to_airport, to_airport)] = 0.02

    start = draws.pick(start_weight, size)
    end = draws.pick_per_row(nearness * end_weight, start)
    return Routes(zones[start], zones[end], gap[start, end])
