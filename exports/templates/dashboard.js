'use strict';
/* Looks figures up in the columns that the page carries and shows them for the chosen place and period. Vega draws the charts.
   What is chosen stands in the address (#place=…&type=…), so that a view can be kept, and the browser's back button goes back. */

const content = JSON.parse(document.getElementById('content').textContent);
const {metrics, places, periods, members, currencies, statuses, days, words, specifications} = content;
const TOTAL = members.findIndex(member => member.breakdown_type === 'none');
const DEEPEST = Math.max(...places.map(place => place.depth));
const TREND_PERIODS = 36, CARDS_WITHOUT_TOTAL = 4;
const root = document.documentElement, dark = matchMedia('(prefers-color-scheme: dark)');
const element = id => document.getElementById(id);
const choice = {};
let figures, curves, drawn = [];

// --- words ------------------------------------------------------------------------------------------------------------

const language = () => choice.lang === 'en' ? 1 : 0;
const say = pair => pair ? pair[language()] || pair[0] || pair[1] : '';
const text = (key, values = {}) => say(words.texts[key]).replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
const statusText = status => say(words.statuses[status] ?? [status]);
const metricName = metric => say([metric.name_zh, metric.name_en]);
const placeName = place => say([place.place_name, place.place_name_en]);
const memberName = member => say(words.members[member.breakdown_value] ?? [member.breakdown_label]);
const periodName = period => period.period_type === 'all' ? say(words.periodTypes.all) : period.label;

function grouped(digits, decimals) {
  // Digits as a whole number → `-1,234.50`.
  const padded = String(Math.abs(digits)).padStart(decimals + 1, '0'), whole = padded.slice(0, padded.length - decimals);
  const sign = digits < 0 ? '-' : '', fraction = decimals ? '.' + padded.slice(-decimals) : '';
  return sign + whole.replace(/\B(?=(\d{3})+$)/g, ',') + fraction;
}

function plain(number) {
  if (number === null) return '';
  return Number.isInteger(number) ? grouped(number, 0) : grouped(Math.round(number * 100), 2);
}

function unitOf(figure) {
  if (figure.metric.unit === 'share') return '';
  return figure.currency || say(words.units[figure.metric.unit] ?? [figure.metric.unit]);
}

// --- figures ----------------------------------------------------------------------------------------------------------

class Figures {
  // The columns lie sorted by metric and place: where each pair begins is all the index there is.
  constructor(columns) {
    this.columns = columns;
    this.begins = new Map();
    columns.metric.forEach((metric, row) => {
      const key = metric * places.length + columns.place[row];
      if (!this.begins.has(key)) this.begins.set(key, row);
    });
  }

  of(metric, place) {
    const {columns} = this, found = [];
    let row = this.begins.get(metric * places.length + place) ?? Infinity;
    for (; columns.metric[row] === metric && columns.place[row] === place; row++) found.push(this.at(row));
    return found;
  }

  at(row) {
    const {columns} = this, metric = metrics[columns.metric[row]], percent = metric.unit === 'share' ? '%' : '';
    const number = name => columns[name][row] === null ? null : columns[name][row] / 10 ** columns[name + '_decimals'][row] / (percent ? 100 : 1);
    const shown = name => columns[name][row] === null ? '' : grouped(columns[name][row], columns[name + '_decimals'][row]) + percent;
    const figure = {
      metric, place: places[columns.place[row]], period: periods[columns.period[row]], member: members[columns.member[row]],
      currency: currencies[columns.currency[row]].currency, status: statuses[columns.status[row]].status,
      asOf: days[columns.day[row]].as_of, n: columns.n[row], number: number('value'), lower: number('lower'), upper: number('upper'),
      digits: shown('value'), lowerText: shown('lower'), upperText: shown('upper'),
      base: columns.numerator[row] === null ? '' : `${plain(columns.numerator[row])} / ${plain(columns.denominator[row] ?? columns.n[row])}`,
    };
    figure.series = [columns.metric[row], columns.member[row], columns.currency[row]].join('.');
    return figure;
  }
}

const shown = figure => figure.number === null ? missing(figure) : `${figure.digits} ${unitOf(figure)}`.trim();
const missing = figure => ['ok', 'low_n', 'partial'].includes(figure.status) ? say(words.noValue) : statusText(figure.status);
const faint = figure => figure.status === 'low_n' || figure.status === 'partial';
const complete = figure => figure.number !== null && figure.status !== 'partial' && figure.period.last <= figure.asOf;
const shortName = period => period.period_type === 'wave' ? `${say(words.periodTypes.wave)} ${period.last.slice(0, 7)}` : periodName(period);
const periodKey = period => `${period.start}..${period.last}`;
const later = (one, other) => one.period.last < other.period.last ? 1 : one.period.last > other.period.last ? -1 : 0;

function interval(figure) {
  if (figure.lowerText && figure.upperText) return `${figure.lowerText} – ${figure.upperText}`;
  if (figure.lowerText) return `≥ ${figure.lowerText}`;
  return figure.upperText ? `≤ ${figure.upperText}` : '';
}

function figureName(figure, withMember = true) {
  const member = withMember && figure.member.breakdown_type !== 'none' ? ` · ${memberName(figure.member)}` : '';
  return metricName(figure.metric) + member + (figure.currency ? ` (${figure.currency})` : '');
}

// The members that stand for a metric: its total, else the overall questions, else those that most people answered.
function standing(rows) {
  const totals = rows.filter(figure => figure.member.breakdown_type === 'none');
  if (totals.length) return totals;
  const overall = rows.filter(figure => figure.member.is_headline_question);
  if (overall.length) return overall;
  return rows.slice().sort((one, other) => other.n - one.n).slice(0, CARDS_WITHOUT_TOTAL);
}

// The rows of a period; of what is asked in surveys the latest wave stands for all time: waves pooled would describe no moment.
function inPeriod(rows, period) {
  const asked = period.period_type === 'all' && rows.filter(figure => figure.period.period_type === 'wave' && figure.member.breakdown_type === 'question');
  const [latest] = (asked || []).slice().sort(later);
  return rows.filter(figure => figure.period === (latest ? latest.period : period));
}

// What a figure is compared with: the same one period before; for all time the latest whole year and quarter.
function earlier(figure, rows) {
  const same = rows.filter(other => other.series === figure.series && other.number !== null).slice().sort(later);
  if (figure.period.period_type === 'all')
    return ['year', 'quarter'].flatMap(type => same.filter(other => other.period.period_type === type && complete(other)).slice(0, 1));
  const before = same.filter(other => other.period.period_type === figure.period.period_type && other.period.last < figure.period.start);
  return before.slice(0, 1);
}

// --- elements ---------------------------------------------------------------------------------------------------------

function make(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== null && value !== false) made.setAttribute(name, value);
  made.append(...children.flat(Infinity).filter(child => child !== null && child !== ''));
  return made;
}

const flag = status => make('span', {class: status === 'ok' ? 'status' : 'status flag', title: say(words.notes[status])}, statusText(status));
const definition = (metric, ...children) =>
  make('a', {href: `#definition-${metric.metric_code}`, title: text('definition', {code: metric.metric_code})}, ...children);
const placeLink = place => make('a', {href: address({place: place.place_key})}, placeName(place));

function table(caption, headings, rows) {
  // A heading that begins with `>` stands above numbers; the first cell of a row is its heading.
  const head = headings.map(heading => make('th', {scope: 'col', class: heading.startsWith('>') ? 'r' : null}, heading.replace('>', '')));
  const body = rows.map(cells => make('tr', {}, cells.map((cell, position) =>
    make(position ? 'td' : 'th', {scope: position ? null : 'row', class: headings[position].startsWith('>') ? 'r num' : null}, cell ?? ''))));
  return make('div', {class: 'wide', tabindex: 0, role: 'region', 'aria-label': caption},
    make('table', {}, make('caption', {}, caption), make('thead', {}, make('tr', {}, head)), make('tbody', {}, body)));
}

const columns = () => [`>${text('value')}`, `>${text('interval')}`, '>n', `>${text('base')}`, text('status'), text('as_of')];
const cells = figure => [definition(figure.metric, shown(figure)), interval(figure), plain(figure.n), figure.base, flag(figure.status), figure.asOf];

const chartRow = (figure, label) => ({
  label, value: figure.number, lower: figure.lower, upper: figure.upper, shown: shown(figure), interval: interval(figure),
  n: plain(figure.n), status: statusText(figure.status), as_of: figure.asOf, faint: faint(figure), place_key: figure.place.place_key,
});

function axis(rows) {
  if (rows[0].metric.unit !== 'share') return 'number';
  const ends = rows.flatMap(figure => [figure.lower, figure.number, figure.upper]).filter(end => end !== null);
  // On the whole scale small differences look small; not where all shares are tiny, or outside of it.
  return Math.max(...ends) > 1 || Math.max(...ends) < 0.2 || Math.min(...ends) < 0 ? 'percent' : 'share';
}

// A chart with its title, its summary for those who do not see it, and its table.
function chart(id, title, note, specification, rows, tableOfRows, colours) {
  const box = element(id), drawing = make('div', {class: 'vega'});
  const picture = make('div', {role: 'img', 'aria-label': `${title}. ${note} ${text('see_table')}`}, drawing);
  const drawable = rows.some(row => row.value !== null);
  const behind = tableOfRows && make('details', {}, make('summary', {}, text('table')), tableOfRows);
  if (behind) behind.open = !drawable || Boolean(box.querySelector('details')?.open);
  box.replaceChildren(make('h3', {}, title), make('p', {class: 'note'}, note), drawable ? picture : '', behind || '');
  if (!drawable) return;
  const spec = {...JSON.parse(JSON.stringify(specifications[choice.lang][specification])), datasets: {rows}};
  if (spec.height.step) spec.height = spec.height.step * new Set(rows.map(row => row.label)).size;
  if (colours) spec.encoding.color.scale = colours;
  drawn.push(vegaEmbed(drawing, spec, {mode: 'vega-lite', actions: false, renderer: 'svg', ast: true, config: content.config})
    .then(result => {
      drawing.querySelector('svg').setAttribute('aria-hidden', 'true');  // the picture around it has a name
      result.view.addEventListener('click', (event, item) => {
        const key = item?.datum?.place_key;
        if (key && key !== choice.place) location.hash = address({place: key});
      });
      return result;
    })
    .catch(error => { drawing.replaceChildren(text('chart_failed') + error.message); }));
}

// --- sections ---------------------------------------------------------------------------------------------------------

function showCards(place, period) {
  const cards = metrics.flatMap((metric, number) => {
    if (!metric.is_headline) return [];
    const rows = figures.of(number, places.indexOf(place));
    const found = standing(inPeriod(rows, period));
    return found.length ? found.map(figure => card(figure, rows)) : rows.length ? [emptyCard(metric)] : [];
  });
  element('cards').replaceChildren(...(cards.length ? cards : [make('p', {class: 'note'}, text('nothing'))]));
  return cards.filter(one => !one.classList.contains('empty')).length;
}

const cardHead = metric => make('div', {class: 'family'}, say(words.families[metric.family] ?? [metric.family]), make('code', {}, metric.metric_code));

function card(figure, rows) {
  const wide = figure.digits.length + unitOf(figure).length / 2; // the unit is half as large
  const size = figure.digits.length > 13 ? ' longer' : figure.digits.length > 8 || wide > 11 ? ' long' : '';
  const facts = [
    [text('period'), shortName(figure.period)], [text('base'), figure.base], ['n', plain(figure.n)],
    ...earlier(figure, rows).map(other => [shortName(other.period), shown(other)]),
    [text('status'), flag(figure.status)], [text('as_of'), figure.asOf],
  ].filter(([, fact]) => fact);
  return make('article', {class: 'card', 'data-metric': figure.metric.metric_code},
    cardHead(figure.metric),
    make('h3', {}, figureName(figure)),
    definition(figure.metric, make('span', {class: `big${figure.number === null ? ' none' : size}`},
      figure.number === null ? missing(figure) : figure.digits, figure.number === null ? '' : make('i', {}, ` ${unitOf(figure)}`))),
    make('div', {class: 'interval'}, interval(figure) ? `${text('interval')} ${interval(figure)}` : ''),
    make('dl', {}, facts.map(([name, fact]) => [make('dt', {}, name), make('dd', {}, fact)])),
    make('a', {class: 'more', href: address({series: figure.series})}, text('show_trend'), make('span', {class: 'hidden'}, ` · ${figureName(figure)}`)));
}

const emptyCard = metric => make('article', {class: 'card empty', 'data-metric': metric.metric_code},
  cardHead(metric), make('h3', {}, metricName(metric)), definition(metric, make('span', {class: 'big none'}, text('no_record'))));

function seriesHere(place) {
  // What trend and ranking can show here: a metric's totals, and the overall questions of surveys.
  const found = new Map();
  metrics.forEach((metric, number) => {
    for (const figure of figures.of(number, places.indexOf(place)))
      if (figure.member.breakdown_type === 'none' || figure.member.is_headline_question) found.set(figure.series, figure);
  });
  return found;
}

function showSeries(place) {
  const found = seriesHere(place), all = [...found.values()];
  const best = all.find(figure => figure.metric.is_headline && figure.lower !== null) ?? all.find(figure => figure.metric.is_headline) ?? all[0];
  const chosen = found.has(choice.series) ? choice.series : best?.series;
  const groups = Object.keys(words.families).map(family => {
    const options = all.filter(figure => figure.metric.family === family)
      .map(figure => make('option', {value: figure.series}, `${figure.metric.metric_code} ${figureName(figure)}`));
    return options.length ? make('optgroup', {label: say(words.families[family])}, options) : '';
  });
  element('series').replaceChildren(...groups.filter(group => group));
  if (chosen) element('series').value = chosen;
  return chosen;
}

const rowsOf = (series, place) => {
  const number = Number(String(series).split('.')[0]);
  return figures.of(number, places.indexOf(place)).filter(figure => figure.series === series);
};

function showTrend(series, place, type) {
  const rows = rowsOf(series, place), by = kind => rows.filter(figure => figure.period.period_type === kind).slice().sort(later).reverse().slice(-TREND_PERIODS);
  // For all time the finest periods of which three rest on enough observations: a line through small samples would show chance.
  const sound = kind => by(kind).filter(figure => figure.number !== null && figure.status !== 'low_n').length >= 3;
  const kind = type !== 'all' ? type : ['month', 'quarter', 'wave', 'year'].find(sound) ?? ['month', 'wave'].find(one => by(one).length > 1) ?? 'year';
  const shownRows = by(kind);
  const title = rows.length ? `${figureName(rows[0])} · ${placeName(place)}` : text('trend');
  const note = shownRows.length ? text('trend_note', {type: say(words.periodTypes[kind])}) : text('nothing');
  const isRate = shownRows.some(figure => figure.lower !== null || figure.upper !== null) || rows[0]?.metric.unit === 'share';
  chart('trend', title, note, shownRows.length ? `${isRate ? 'line' : 'bar'}-${axis(shownRows)}` : '',
    shownRows.map(figure => chartRow(figure, periodName(figure.period))),
    shownRows.length && table(title, [text('period'), ...columns()], shownRows.map(figure => [periodName(figure.period), ...cells(figure)])));
}

function placesToRank(place) {
  const below = places.filter(other => other.place_level !== 'unknown');
  if (place.depth === DEEPEST || !below.some(other => other.parent_place_key === place.place_key))
    return below.filter(other => other.parent_place_key === place.parent_place_key && other.depth === place.depth && other.tree === place.tree);
  if (choice.rank !== 'deepest') return below.filter(other => other.parent_place_key === place.place_key);
  return below.filter(other => other.depth === DEEPEST && (other.parent_place_key === place.place_key || parentOf(other)?.parent_place_key === place.place_key));
}

function showRanking(series, place, period) {
  const rows = placesToRank(place).flatMap(other => rowsOf(series, other).filter(figure => figure.period === period));
  const ranked = rows.filter(figure => figure.number !== null && figure.status !== 'low_n').slice().sort((one, other) => other.number - one.number);
  const few = rows.filter(figure => figure.number !== null && figure.status === 'low_n').slice().sort((one, other) => other.number - one.number);
  const ordered = [...ranked, ...few, ...rows.filter(figure => figure.number === null)];
  const name = seriesHere(place).get(series) ?? rows[0], title = `${text('ranking')}${name ? ' · ' + figureName(name) : ''} · ${periodName(period)}`;
  const note = ordered.length ? text('ranking_note', {ranked: ranked.length, others: ordered.length - ranked.length}) : text('nothing_below');
  chart('ranking', title, note, ordered.length ? `ranking-${axis(ordered)}` : '', ordered.map(figure => chartRow(figure, (figure.place === place ? '▸ ' : '') + placeName(figure.place))),
    ordered.length && table(title, [text('place'), `>${text('rank')}`, ...columns()], ordered.map(figure => [
      placeLink(figure.place), ranked.includes(figure) ? String(ranked.findIndex(other => other.number === figure.number) + 1) : text('not_ranked'), ...cells(figure)])));
}

function curveOf(place, period) {
  const number = places.indexOf(place), rows = [];
  curves.place.forEach((one, row) => { if (one === number && periods[curves.period[row]] === period) rows.push(row); });
  return rows;
}

function showSurvival(place, period) {
  const metric = metrics.find(one => one.metric_code === 'R05.median');
  // A month is too short a time for a curve of its own: the year in which it lies has one.
  const around = periods.filter(other => ['quarter', 'year'].includes(other.period_type) && other.start <= period.start && other.last >= period.last);
  const used = [period, ...around.reverse(), periods.find(other => other.period_type === 'all')].find(other => other && curveOf(place, other).length);
  const shownPlaces = used ? [place, topOf(place)].filter((one, position, all) => all.indexOf(one) === position && curveOf(one, used).length) : [];
  const share = number => number === null ? '' : `${(number * 100).toFixed(1)}%`;
  const rows = shownPlaces.flatMap(one => {
    const points = curveOf(one, used).map(row => ({
      days: curves.days[row], value: curves.open[row], lower: curves.lower[row], upper: curves.upper[row], n: plain(curves.n[row]), at_risk: curves.at_risk[row],
    }));
    const start = points[0].days > 0 ? [{days: 0, value: 1, lower: null, upper: null, n: points[0].n, at_risk: curves.n[curveOf(one, used)[0]]}] : [];
    return [...start, ...points].map(point => ({
      ...point, series: placeName(one), label: text('day', {day: point.days}), shown: text('still_open', {share: share(point.value)}),
      interval: point.lower === null || point.upper === null ? '' : `${share(point.lower)} – ${share(point.upper)}`, as_of: content.as_of,
    }));
  });
  const title = `${text('survival')} · ${placeName(place)}${used ? ' · ' + periodName(used) : ''}`;
  const note = !used ? text('no_curve') : [
    used === period ? '' : text('curve_of_longer', {period: periodName(used)}), text('survival_note'),
    shownPlaces.length > 1 ? text('curve_of_top', {place: placeName(shownPlaces[1])}) : ''].join('');
  const told = rows.filter(row => row.series === placeName(place) && (row.days <= 7 || row.days % 7 === 0));
  const behind = told.length && make('div', {}, metric ? make('p', {}, definition(metric, `${metric.metric_code} ${metricName(metric)}`)) : '',
    table(title, [text('days'), `>${text('open_share')}`, `>${text('interval')}`, `>${text('at_risk')}`, '>n', text('as_of')],
      told.map(row => [String(row.days), share(row.value), row.interval, plain(row.at_risk), row.n, row.as_of])));
  chart('survival', title, note, 'survival', rows, behind);
}

function showWaves(place, period) {
  const metric = metrics.findIndex(one => one.family === 'satisfaction' && one.unit === 'share' && one.is_headline
    && figures.of(metrics.indexOf(one), places.indexOf(place)).some(figure => figure.member.breakdown_type === 'question'));
  const rows = metric < 0 ? [] : figures.of(metric, places.indexOf(place)).filter(figure => figure.period.period_type === 'wave');
  const questions = [...new Map(rows.map(figure => [figure.series, figure])).values()];
  const chosen = questions.find(figure => figure.series === choice.question) ?? questions.find(figure => figure.member.is_headline_question) ?? questions[0];
  element('question').replaceChildren(...questions.map(figure => make('option', {value: figure.series}, memberName(figure.member))));
  element('question').closest('label').hidden = questions.length < 2;
  if (chosen) element('question').value = chosen.series;
  const waves = rows.filter(figure => figure.series === chosen?.series).slice().sort(later).reverse();
  const title = chosen ? `${figureName(chosen)} · ${placeName(place)}` : text('waves');
  chart('waves', title, waves.length ? text('waves_note') : text('no_wave'), waves.length ? `line-${axis(waves)}` : '',
    waves.map(figure => chartRow(figure, figure.period.last)),
    waves.length && table(title, [text('wave'), ...columns()], waves.map(figure => [periodName(figure.period), ...cells(figure)])));

  const latest = rows.filter(figure => figure.period === period).length ? period : rows.slice().sort(later)[0]?.period;
  const asked = latest ? rows.filter(figure => figure.period === latest).slice().sort((one, other) => (other.number ?? -1) - (one.number ?? -1)) : [];
  const heading = asked.length ? `${metricName(asked[0].metric)} · ${periodName(latest)}` : text('by_question');
  chart('questions', heading, asked.length ? text('questions_note') : text('no_wave'), asked.length ? `ranking-${axis(asked)}` : '',
    asked.map(figure => ({...chartRow(figure, memberName(figure.member)), place_key: null})),
    asked.length && table(heading, [text('question'), ...columns()], asked.map(figure => [memberName(figure.member), ...cells(figure)])));
}

function showFlow(place, period) {
  const rows = content.flow.map(code => metrics.findIndex(metric => metric.metric_code === code)).filter(number => number >= 0)
    .flatMap(number => figures.of(number, places.indexOf(place)).filter(figure => figure.period === period));
  const kinds = [...new Set(rows.map(figure => figure.currency))], currency = kinds.includes(choice.currency) ? choice.currency : kinds[0];
  element('currency').replaceChildren(...kinds.map(kind => make('option', {value: kind}, kind)));
  element('currency').closest('label').hidden = kinds.length < 2;
  if (currency) element('currency').value = currency;
  const here = rows.filter(figure => figure.currency === currency);
  const parts = here.filter(figure => figure.member.breakdown_type !== 'none'), divided = new Set(parts.map(figure => figure.metric));
  const bars = here.filter(figure => figure.member.breakdown_type !== 'none' || !divided.has(figure.metric));
  // A source has the same colour in every view.
  const sources = members.filter(member => bars.some(figure => figure.member === member)), codes = Object.keys(words.members);
  const sourceName = member => member.breakdown_type === 'none' ? text('total') : memberName(member);
  const colour = member => `var(--series-${1 + Math.max(codes.indexOf(member.breakdown_value), 0)})`;
  const title = `${text('flow')} · ${placeName(place)} · ${periodName(period)}`;
  chart('flow', title, here.length ? text(parts.length ? 'flow_note' : 'flow_note_undivided', {currency}) : text('nothing'), 'flow',
    bars.map(figure => ({...chartRow(figure, metricName(figure.metric)), place_key: null, position: members.indexOf(figure.member),
      series: sourceName(figure.member)})),
    here.length && table(title, [text('stage'), text('source_type'), ...columns()], here.map(figure => [
      metricName(figure.metric), sourceName(figure.member), ...cells(figure)])),
    {domain: sources.map(sourceName), range: sources.map(colour)});
}

function showTables(place, period) {
  const ever = period.period_type === 'all';
  const sections = Object.entries(words.families).map(([family, pair]) => {
    const rows = metrics.flatMap((metric, number) => {
      if (metric.family !== family) return [];
      const all = figures.of(number, places.indexOf(place)), found = inPeriod(all, period);
      return found.filter(figure => ['none', 'question'].includes(figure.member.breakdown_type)).map(figure => {
        const [before] = earlier(figure, all);
        return [[definition(figure.metric, make('code', {}, figure.metric.metric_code)), ` ${figureName(figure)}`], ...cells(figure),
          ever ? periodName(figure.period) : before ? shown(before) : ''];
      });
    });
    if (!rows.length) return '';
    const caption = `${say(pair)} · ${placeName(place)} · ${periodName(period)}`;
    return make('details', {open: '', class: 'family-table'}, make('summary', {}, `${say(pair)} (${rows.length})`),
      table(caption, [text('metric'), ...columns(), ever ? text('period') : `>${text('before')}`], rows));
  }).filter(section => section);
  element('tables').replaceChildren(...(sections.length ? sections : [make('p', {class: 'note'}, text('nothing'))]));
}

// --- choices ----------------------------------------------------------------------------------------------------------

const parentOf = place => places.find(other => other.place_key === place.parent_place_key);
const topOf = place => parentOf(place) ? topOf(parentOf(place)) : place;
const pathOf = place => parentOf(place) ? [...pathOf(parentOf(place)), place] : [place];

function address(changes) {
  return '#' + new URLSearchParams(Object.entries({...choice, ...changes}).filter(([, value]) => value));
}

function read() {
  const told = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
  for (const name of ['place', 'type', 'period', 'series', 'rank', 'question', 'currency', 'lang', 'theme']) choice[name] = told[name];
  choice.lang = told.lang === 'en' ? 'en' : 'zh';
  if (!places.some(place => place.place_key === choice.place)) choice.place = places[0]?.place_key;
}

function showPlace(place) {
  const path = pathOf(place);
  element('path').replaceChildren(...path.map(one => make('li', {}, one === place ? make('span', {'aria-current': 'page'}, placeName(one)) : placeLink(one))));
  const below = (parent, all) => all.filter(one => one.parent_place_key === parent.place_key).flatMap(one => [one, ...below(one, all)]);
  const options = places.filter(one => !parentOf(one)).map(top => make('optgroup', {label: placeName(top)},
    [top, ...below(top, places)].map(one => make('option', {value: one.place_key}, ' '.repeat(3 * one.depth) + placeName(one)))));
  element('place').replaceChildren(...options);
  element('place').value = place.place_key;
  element('heading').textContent = placeName(place);
}

function showPeriod(place) {
  const seen = new Set();
  metrics.forEach((metric, number) => figures.of(number, places.indexOf(place)).forEach(figure => seen.add(figure.period)));
  const here = periods.filter(period => seen.has(period));
  const wanted = choice.type || content.period?.type;
  const type = here.some(period => period.period_type === wanted) ? wanted : here.some(period => period.period_type === 'all') ? 'all' : here[0]?.period_type;
  const offered = here.filter(period => period.period_type === type).slice().reverse();
  // The latest period that is over is what people look for first.
  const period = offered.find(one => periodKey(one) === choice.period) ?? offered.find(one => !choice.period && one.start === content.period?.start) ?? offered.find(one => one.last <= content.as_of) ?? offered[0];
  for (const input of document.querySelectorAll('input[name=type]')) {
    input.checked = input.value === type;
    input.disabled = !here.some(one => one.period_type === input.value);
  }
  element('period').replaceChildren(...offered.map(one => make('option', {value: periodKey(one)}, periodName(one))));
  if (period) element('period').value = periodKey(period);
  element('period').disabled = offered.length < 2;
  const position = offered.indexOf(period);
  element('later').disabled = position <= 0;
  element('earlier').disabled = position < 0 || position >= offered.length - 1;
  return period;
}

function show() {
  read();
  root.lang = choice.lang === 'en' ? 'en' : 'zh-CN';
  if (choice.theme) root.dataset.theme = choice.theme; else delete root.dataset.theme;
  element('theme').setAttribute('aria-pressed', isDark());
  drawn.forEach(one => one.then(result => result?.finalize()));
  drawn = [];
  const place = places.find(one => one.place_key === choice.place);
  if (!place) return;
  showPlace(place);
  const period = showPeriod(place);
  const count = showCards(place, period), series = showSeries(place);
  element('rank').closest('label').hidden = place.depth + 1 >= DEEPEST;
  element('rank').value = choice.rank === 'deepest' ? 'deepest' : 'below';
  for (const option of element('rank').options) option.textContent = text(`rank_${option.value}`);
  showTrend(series, place, period.period_type);
  showRanking(series, place, period);
  showSurvival(place, period);
  showWaves(place, period);
  showFlow(place, period);
  showTables(place, period);
  const view = `${placeName(place)} · ${periodName(period)}`;
  document.title = `${view} · ${text('title')} · ${content.as_of}`;
  element('view').textContent = `${periodName(period)} · ${text('as_of')} ${content.as_of}`;
  element('live').textContent = `${view}: ${text('headlines_shown', {count})}`;
}

const isDark = () => choice.theme ? choice.theme === 'dark' : dark.matches;
const choose = changes => { location.hash = address(changes); };

function listen() {
  for (const name of ['place', 'period', 'series', 'rank', 'question', 'currency'])
    element(name).addEventListener('change', event => choose({[name]: event.target.value}));
  for (const input of document.querySelectorAll('input[name=type]'))
    input.addEventListener('change', () => choose({type: input.value, period: ''}));
  const step = by => { const list = element('period'); choose({period: list.options[list.selectedIndex + by].value}); };
  element('earlier').addEventListener('click', () => step(1));
  element('later').addEventListener('click', () => step(-1));
  element('language').addEventListener('click', () => choose({lang: choice.lang === 'en' ? 'zh' : 'en'}));
  element('theme').addEventListener('click', () => choose({theme: isDark() ? 'light' : 'dark'}));
  element('print').addEventListener('click', () => print());
  dark.addEventListener('change', () => element('theme').setAttribute('aria-pressed', isDark()));
  addEventListener('hashchange', () => {
    if (location.hash && !location.hash.includes('=')) return;  // a definition, or a section
    const before = choice.place;
    show();
    if (choice.place !== before && document.activeElement === document.body) element('heading').focus();
  });
}

function unpack(id) {
  const bytes = Uint8Array.from(atob(element(id).textContent.trim()), letter => letter.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip')));
}

async function start() {
  const [libraries, packed] = await Promise.all([unpack('libraries').text(), unpack('figures').json()]);
  const script = make('script');
  script.textContent = libraries;
  document.head.append(script);
  figures = new Figures(packed.figures);
  curves = packed.curves;
  listen();
  show();
  root.dataset.ready = 'true';
}

start().catch(error => {
  element('live').textContent = '';
  element('failed').hidden = false;
  element('failed').append(` ${error.message}`);
});
