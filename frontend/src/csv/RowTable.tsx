/* RowTable.tsx - rows of a file that have something to be said of, the first of them. */
import Table from "@mui/material/Table";
import TableBody from "@mui/material/TableBody";
import TableCell from "@mui/material/TableCell";
import TableContainer from "@mui/material/TableContainer";
import TableHead from "@mui/material/TableHead";
import TableRow from "@mui/material/TableRow";
import Typography from "@mui/material/Typography";
import { useTranslation } from "react-i18next";
import { useFormats } from "../i18n/format";

const SHOWN = 100;

export interface Line {
  row: number;
  code: string;
  text: string;
}

interface Props {
  label: string;
  lines: Line[];
}

export function RowTable({ label, lines }: Props) {
  const { t } = useTranslation();
  const { number } = useFormats();
  if (lines.length === 0) return null;
  return (
    <>
      {lines.length > SHOWN && (
        <Typography variant="body2">{t("csv.first", { count: SHOWN })}</Typography>
      )}
      {/* It scrolls, so the keyboard has to reach it. */}
      <TableContainer tabIndex={0} role="region" aria-label={label} sx={{ maxHeight: 240, my: 1 }}>
        <Table size="small" stickyHeader>
          <TableHead>
            <TableRow>
              <TableCell>{t("csv.row")}</TableCell>
              <TableCell>{t("field.code")}</TableCell>
              <TableCell>{t("csv.problem")}</TableCell>
            </TableRow>
          </TableHead>
          <TableBody>
            {lines.slice(0, SHOWN).map(({ row, code, text }) => (
              <TableRow key={row}>
                <TableCell component="th" scope="row">
                  {number(row)}
                </TableCell>
                <TableCell sx={{ overflowWrap: "anywhere" }}>
                  {code === "" ? t("common.empty") : code}
                </TableCell>
                <TableCell>{text}</TableCell>
              </TableRow>
            ))}
          </TableBody>
        </Table>
      </TableContainer>
    </>
  );
}
