# demo.awk - SQL that adds the demonstration items FIRST to LAST (variables) of a fictitious
# institute's inventory. The same numbers always give the same items.

# The minimal standard generator (Park and Miller): every awk has another rand().
function below(n) {
	seed = seed * 16807 % 2147483647
	return int(seed / 2147483647 * n)
}

function pick(list, n) {
	return list[1 + below(n)]
}

function quote(text) {
	gsub(/'/, "''", text)
	return "'" text "'"
}

BEGIN {
	kinds = split("Computadora PC|Portátil LT|Monitor MN|Impresora IM|Proyector PY|Escáner ES|" \
		"Servidor SV|Conmutador SW|Microscopio MC|Osciloscopio OS|Multímetro MM|" \
		"Centrífuga CF|Balanza analítica BA|Autoclave AU|Espectrofotómetro EF|" \
		"Incubadora IN|Campana extractora CE|Impresora 3D I3|Cámara térmica CT|Tableta TB", \
		kind, "|")
	# The working ones stand several times: most things work.
	states = split("Operativa|Operativa|Operativa|Operativa|Operativa|En mantenimiento|" \
		"En reparación|Prestada|Reservada|Dada de baja", state, "|")
	rooms = split("Sala|Laboratorio de química|Laboratorio de física|Laboratorio de redes|" \
		"Laboratorio de biología|Taller de electrónica|Biblioteca, planta|Aula|Almacén|" \
		"Despacho", room, "|")
	for (n = FIRST; n <= LAST; n++) {
		seed = n * 7919 % 2147483646 + 1
		below(1)
		split("", part)
		words = split(pick(kind, kinds), part, " ")
		type = part[1]
		for (i = 2; i < words; i++)
			type = type " " part[i]
		code = sprintf("%s-%06d", part[words], n)
		area = pick(room, rooms) " " 1 + below(12)
		date = below(20) == 0 ? "NULL" : sprintf("'%d-%02d-%02d'", 2012 + below(14), \
			1 + below(12), 1 + below(28))
		printf "%s(%s,%s,%s,%s,%s)", (n - FIRST) % 500 ? "," : (n > FIRST ? ";\n" : "") \
			"INSERT INTO items (code,type,status,area,acquisition_date) VALUES ", \
			quote(code), quote(type), quote(pick(state, states)), quote(area), date
	}
	if (LAST >= FIRST)
		print ";"
}
