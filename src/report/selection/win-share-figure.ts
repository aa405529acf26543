import type { EChartsOption } from 'echarts';
import type { SelectionResult } from '../../selection/result.js';
import { axisOption, namesOption } from '../axis.js';
import type { Figure } from '../figure.js';
import { compact, count, listed, percent, roughPercent, shortName } from '../format.js';
import { boxAt, textAt } from '../marks.js';
import { LIGHT } from '../theme.js';
import { byN, highlighted } from './facts.js';

const WIDTH = 900;
const ROW = 42;

/** Share of the bootstrap replicates that each model wins, one bar for each N; `null` without a bootstrap. */
export function winShareFigure(result: SelectionResult): Figure | null {
  const tournaments = byN(result).filter(({ bootstrap }) => bootstrap !== null);
  const first = tournaments[0]?.bootstrap;
  if (!first) return null;
  const colours = highlighted(result);
  const shares = (name: string) => {
    const index = result.models.indexOf(name);
    return tournaments.map(({ bootstrap }) => bootstrap!.winShares[index]!);
  };
  const named = colours.filter((name) => shares(name).some((share) => share > 0));
  const rest = tournaments.map((_, row) => 1 - named.reduce((sum, name) => sum + shares(name)[row]!, 0));
  const parts = [
    ...named.map((name) => ({ name, values: shares(name), colour: LIGHT.series[colours.indexOf(name)]! })),
    ...(rest.some((share) => share > 1e-9) ? [{ name: 'all others', values: rest, colour: LIGHT.faint }] : []),
  ];
  const legendRows = Math.ceil(parts.length / 3);
  const top = 12 + legendRows * 24;
  const option = {
    grid: { left: 84, right: 24, top, bottom: 50, containLabel: false },
    xAxis: axisOption(
      {
        label: `share of ${count(first.replicates)} resamples won`,
        scale: 'linear',
        min: 0,
        max: 1,
        format: (value) => percent(value, 100),
      },
      'x',
      { gridLines: true },
    ),
    yAxis: namesOption(
      tournaments.map(({ N }) => `N = ${compact(N)}`),
      'y',
    ),
    series: parts.map(({ name, values, colour }) => ({
      type: 'bar',
      stack: 'shares',
      barWidth: 24,
      itemStyle: { color: colour, borderColor: LIGHT.surface, borderWidth: 1.5 },
      label: { show: true, fontSize: 11.5, fontWeight: 600, color: LIGHT.surface, textBorderWidth: 0 },
      data: values.map((value, row) => ({
        value,
        tip: `${name} wins ${percent(value, 1000)} of the resamples at N = ${compact(tournaments[row]!.N)}`,
        label: { show: value >= 0.06, formatter: roughPercent(value) },
      })),
    })),
    graphic: parts.flatMap(({ name, colour }, index) => {
      const x = 84 + (index % 3) * ((WIDTH - 100) / 3);
      const y = 12 + Math.floor(index / 3) * 24;
      return [boxAt(x, y - 6, 12, 12, colour), textAt(x + 18, y, shortName(name, 38))];
    }),
  } as EChartsOption;
  return {
    id: 'win-shares',
    title: 'How sure is the winner?',
    caption:
      `How often each model would win if the held-out ${first.unit}s had been drawn anew (bootstrap). One model filling the ` +
      'bar is a sure choice; a shared bar is noise, and any of the models in it is a defensible choice.',
    description: `${listed(
      tournaments.map(({ N, winner, bootstrap }) => {
        const share = bootstrap!.winShares[result.models.indexOf(winner)]!;
        return `at N = ${compact(N)} ${winner} wins ${roughPercent(share)}`;
      }),
    )}.`,
    width: WIDTH,
    height: top + tournaments.length * ROW + 56,
    option,
  };
}
