/* HistoryChart.tsx - the last minutes: pending operations and requests per second over one time
 * axis, outages shaded. */
import Box from "@mui/material/Box";
import Card from "@mui/material/Card";
import Stack from "@mui/material/Stack";
import Typography from "@mui/material/Typography";
import { useTranslation } from "react-i18next";
import { useFormats } from "../i18n/format";
import { outages, WINDOW_MS, type Sample } from "../status/history";
import { linePath, niceMax, type Point } from "./scale";
import { useWidth } from "./useWidth";

const HEIGHT = 96;
const LEFT = 44;
const TOP = 8;
const AXIS = 22;

interface PlotProps {
  title: string;
  now: string;
  points: Point[];
  color: string;
  width: number;
  from: number;
  shaded: { from: number; to: number }[];
  testId: string;
}

function Plot({ title, now, points, color, width, from, shaded, testId }: PlotProps) {
  const { t } = useTranslation();
  const { number } = useFormats();
  const right = Math.max(LEFT + 40, width - 8);
  const max = niceMax(points.map((point) => point.value ?? 0));
  const x = (at: number) => LEFT + ((at - from) / WINDOW_MS) * (right - LEFT);
  const y = (value: number) => TOP + (1 - value / max) * (HEIGHT - TOP);
  const { line, area } = linePath(points, x, y, HEIGHT);
  const minutes = width < 480 ? [4, 2, 0] : [5, 4, 3, 2, 1, 0];
  const end = from + WINDOW_MS;
  return (
    <Box>
      <Stack direction="row" sx={{ justifyContent: "space-between", alignItems: "baseline" }}>
        <Typography component="h3" variant="body2" sx={{ fontWeight: 600 }}>
          <Box
            component="span"
            sx={{ display: "inline-block", width: 10, height: 10, borderRadius: 0.5, mr: 1 }}
            style={{ background: color }}
          />
          {title}
        </Typography>
        <Typography
          variant="body2"
          sx={{ fontWeight: 600, fontVariantNumeric: "tabular-nums" }}
          data-testid={`${testId}-now`}
        >
          {now}
        </Typography>
      </Stack>
      <svg width={width} height={HEIGHT + AXIS} aria-hidden="true" data-testid={testId}>
        {shaded.map((one) => (
          <rect
            key={one.from}
            data-testid="outage"
            x={Math.max(LEFT, x(one.from))}
            y={TOP}
            width={Math.max(2, x(one.to) - Math.max(LEFT, x(one.from)))}
            height={HEIGHT - TOP}
            fill="var(--mui-palette-error-main)"
            opacity={0.16}
          />
        ))}
        {[0, 0.5, 1].map((part) => (
          <g key={part}>
            <line
              x1={LEFT}
              x2={right}
              y1={y(max * part)}
              y2={y(max * part)}
              stroke="var(--mui-palette-divider)"
            />
            <text
              x={LEFT - 6}
              y={y(max * part) + 4}
              textAnchor="end"
              fontSize={11}
              fill="var(--mui-palette-text-secondary)"
            >
              {Number.isInteger(max * part) || max < 2 ? number(max * part) : ""}
            </text>
          </g>
        ))}
        {minutes.map((minute) => (
          <text
            key={minute}
            x={x(end - minute * 60_000)}
            y={HEIGHT + 16}
            textAnchor={minute === 0 ? "end" : minute === 5 ? "start" : "middle"}
            fontSize={11}
            fill="var(--mui-palette-text-secondary)"
          >
            {minute === 0 ? t("chart.now") : t("chart.ago", { count: minute })}
          </text>
        ))}
        <path d={area} fill={color} opacity={0.18} />
        <path d={line} fill="none" stroke={color} strokeWidth={2} strokeLinejoin="round" />
      </svg>
    </Box>
  );
}

function Legend() {
  const { t } = useTranslation();
  return (
    <Typography variant="body2" color="text.secondary">
      <Box
        component="span"
        sx={{ display: "inline-block", width: 14, height: 10, mr: 1, bgcolor: "error.main" }}
        style={{ opacity: 0.35 }}
      />
      {t("chart.outage")}
    </Typography>
  );
}

export function HistoryChart({ samples }: { samples: readonly Sample[] }) {
  const { t } = useTranslation();
  const { number, rate } = useFormats();
  const { ref, width } = useWidth<HTMLDivElement>(600);
  const last = samples.at(-1);
  const from = (last?.at ?? 0) - WINDOW_MS;
  const none = t("common.empty");
  const pending = last?.pending == null ? none : number(last.pending);
  const perSecond = last?.rate == null ? none : rate(last.rate);
  const common = { width, from, shaded: outages(samples) };
  return (
    <Card component="section" aria-labelledby="chart-title" sx={{ p: 2 }}>
      <Stack
        direction="row"
        useFlexGap
        sx={{ justifyContent: "space-between", flexWrap: "wrap", mb: 1.5 }}
      >
        <Typography id="chart-title" variant="h2">
          {t("monitor.chart")}
        </Typography>
        <Legend />
      </Stack>
      <Box ref={ref} role="img" aria-label={t("chart.label", { pending, rate: perSecond })}>
        <Plot
          {...common}
          title={t("chart.pending")}
          now={pending}
          points={samples.map((one) => ({ at: one.at, value: one.pending }))}
          color="var(--mui-palette-warning-main)"
          testId="chart-pending"
        />
        <Plot
          {...common}
          title={t("chart.rate")}
          now={perSecond}
          points={samples.map((one) => ({ at: one.at, value: one.rate }))}
          color="var(--mui-palette-primary-main)"
          testId="chart-rate"
        />
      </Box>
    </Card>
  );
}
