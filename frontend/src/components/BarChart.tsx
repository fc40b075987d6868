/* BarChart.tsx - horizontal bars with their names and values as text. */
import Box from "@mui/material/Box";
import Stack from "@mui/material/Stack";
import Typography from "@mui/material/Typography";

interface Props {
  bars: { name: string; value: number }[];
  format: (value: number) => string;
}

export function BarChart({ bars, format }: Props) {
  const max = Math.max(1, ...bars.map((bar) => bar.value));
  return (
    <Stack component="ul" spacing={1} sx={{ m: 0, p: 0, listStyle: "none" }}>
      {bars.map((bar) => (
        <Box component="li" key={bar.name}>
          <Stack direction="row" sx={{ justifyContent: "space-between", mb: 0.25 }}>
            <Typography variant="body2">{bar.name}</Typography>
            <Typography variant="body2" sx={{ fontVariantNumeric: "tabular-nums" }}>
              {format(bar.value)}
            </Typography>
          </Stack>
          <Box aria-hidden sx={{ height: 16, borderRadius: 1, bgcolor: "action.hover" }}>
            <Box
              data-testid="bar"
              sx={{ height: "100%", borderRadius: 1, bgcolor: "primary.main", minWidth: 2 }}
              style={{ width: `${(100 * bar.value) / max}%` }}
            />
          </Box>
        </Box>
      ))}
    </Stack>
  );
}
