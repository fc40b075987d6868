/* InstancesPage.tsx - heartbeats, and how the requests are spread. */
import Alert from "@mui/material/Alert";
import Box from "@mui/material/Box";
import Card from "@mui/material/Card";
import Chip from "@mui/material/Chip";
import Stack from "@mui/material/Stack";
import Table from "@mui/material/Table";
import TableBody from "@mui/material/TableBody";
import TableCell from "@mui/material/TableCell";
import TableContainer from "@mui/material/TableContainer";
import TableHead from "@mui/material/TableHead";
import TableRow from "@mui/material/TableRow";
import Typography from "@mui/material/Typography";
import { useTranslation } from "react-i18next";
import { describeError } from "../api/problem";
import type { Instance } from "../api/types";
import { BarChart } from "../components/BarChart";
import { STATE_ICONS } from "../components/icons";
import { Loading } from "../components/Loading";
import { useFormats } from "../i18n/format";
import { useRates } from "../status/LiveStatusProvider";

interface RowProps {
  instance: Instance;
  rate: number | undefined;
}

function InstanceRow({ instance, rate: perSecond }: RowProps) {
  const { t } = useTranslation();
  const { number, rate, time } = useFormats();
  const online = instance.status === "Online";
  return (
    <TableRow>
      <TableCell component="th" scope="row" sx={{ fontWeight: 600 }}>
        {instance.instance}
      </TableCell>
      <TableCell>
        <Chip
          size="small"
          variant="outlined"
          color={online ? "success" : "default"}
          icon={STATE_ICONS[online ? "success" : "default"]}
          label={online ? t("instances.online") : instance.status}
        />
      </TableCell>
      <TableCell align="right">{number(instance.requests)}</TableCell>
      <TableCell align="right">
        {perSecond === undefined ? t("common.empty") : rate(perSecond)}
      </TableCell>
      <TableCell align="right">
        {instance.last_seen === null ? t("common.empty") : time(instance.last_seen)}
      </TableCell>
    </TableRow>
  );
}

export default function InstancesPage() {
  const { t } = useTranslation();
  const { number } = useFormats();
  const { instances, perSecond, known, error } = useRates();
  if (instances === undefined && error === undefined) return <Loading />;
  const all = [...(instances ?? [])].sort((a, b) => a.instance.localeCompare(b.instance));
  const numeric = { "& td, & th": { fontVariantNumeric: "tabular-nums", whiteSpace: "nowrap" } };
  return (
    <Stack component="section" aria-labelledby="instances-title" spacing={2}>
      <Box>
        <Typography id="instances-title" variant="h1">
          {t("instances.title")}
        </Typography>
        <Typography color="text.secondary">{t("instances.hint")}</Typography>
      </Box>
      {error !== undefined && <Alert severity="error">{describeError(error, t)}</Alert>}
      {all.length === 0 && <Alert severity="info">{t("instances.none")}</Alert>}
      {all.length > 0 && (
        <>
          <Card component="section" aria-labelledby="instances-chart" sx={{ p: 2 }}>
            <Typography id="instances-chart" variant="h2" sx={{ mb: 1.5 }}>
              {t("instances.chart")}
            </Typography>
            <BarChart
              bars={all.map((one) => ({ name: one.instance, value: one.requests }))}
              format={number}
            />
          </Card>
          {/* It scrolls sideways on a phone, so the keyboard has to reach it. */}
          <TableContainer
            component={Card}
            tabIndex={0}
            role="region"
            aria-label={t("instances.table")}
          >
            <Table size="small" sx={numeric}>
              <TableHead>
                <TableRow>
                  <TableCell>{t("instances.name")}</TableCell>
                  <TableCell>{t("instances.status")}</TableCell>
                  <TableCell align="right">{t("instances.requests")}</TableCell>
                  <TableCell align="right">{t("instances.rate")}</TableCell>
                  <TableCell align="right">{t("instances.seen")}</TableCell>
                </TableRow>
              </TableHead>
              <TableBody>
                {all.map((one) => (
                  <InstanceRow
                    key={one.instance}
                    instance={one}
                    rate={known ? perSecond[one.instance] : undefined}
                  />
                ))}
              </TableBody>
            </Table>
          </TableContainer>
        </>
      )}
    </Stack>
  );
}
