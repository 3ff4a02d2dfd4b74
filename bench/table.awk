# SPDX-License-Identifier: MIT
# Turns the rows of bench/run into tables in Markdown. What is timed is a ratio
# to the first peer of its row, the median over the rounds of what each round
# gave, and the half of its middle part after it; the first peer's column is
# its median itself. Bytes and instructions are no ratios.

BEGIN {
	FS = ","
}

/^#/ {
	print substr($0, 3) "  "
	next
}

$1 == "workload" {
	next
}

{
	row = $1 SUBSEP $2 SUBSEP $4
	if (!(row in base)) {
		base[row] = $3
		rows[++row_count] = row
	}
	if (!(($1, $3) in has_peer)) {
		has_peer[$1, $3] = 1
		peers[$1, ++peer_count[$1]] = $3
	}
	if (!($1 in has_workload)) {
		has_workload[$1] = 1
		workloads[++workload_count] = $1
	}
	value[row, $3, $5] = $6
	if ($5 > rounds[row])
		rounds[row] = $5
}

function sort(list, n,    i, j, x) {
	for (i = 2; i <= n; i++) {
		x = list[i]
		for (j = i - 1; j > 0 && list[j] > x; j--)
			list[j + 1] = list[j]
		list[j + 1] = x
	}
}

# The q-th part of a sorted list.
function part(list, n, q,    at, i) {
	at = 1 + (n - 1) * q
	i = int(at)
	return i < n ? list[i] + (at - i) * (list[i + 1] - list[i]) : list[n]
}

function number(x) {
	return x >= 100 ? sprintf("%.0f", x) : sprintf("%.3g", x)
}

function is_timed(metric) {
	return metric ~ /_ns$/ || metric ~ /per_cpu_s$/
}

function cell(row, peer, metric,    list, n, r, x) {
	n = 0
	for (r = 1; r <= rounds[row]; r++) {
		if (!((row, peer, r) in value))
			continue
		x = value[row, peer, r] + 0
		if (is_timed(metric) && peer != base[row]) {
			if (value[row, base[row], r] + 0 == 0)
				continue
			x /= value[row, base[row], r]
		}
		list[++n] = x
	}
	if (n == 0)
		return "-"
	sort(list, n)
	x = part(list, n, 0.5)
	if (!is_timed(metric) || peer == base[row])
		return number(x)
	return sprintf("%.2f ±%.2f", x,
		(part(list, n, 0.75) - part(list, n, 0.25)) / 2)
}

END {
	for (w = 1; w <= workload_count; w++) {
		workload = workloads[w]
		head = "| " workload " | metric |"
		line = "| --- | --- |"
		for (p = 1; p <= peer_count[workload]; p++) {
			head = head " " peers[workload, p] " |"
			line = line " --- |"
		}
		print "\n" head "\n" line
		for (i = 1; i <= row_count; i++) {
			split(rows[i], key, SUBSEP)
			if (key[1] != workload)
				continue
			text = "| " key[2] " | " key[3] " |"
			for (p = 1; p <= peer_count[workload]; p++)
				text = text " " cell(rows[i],
					peers[workload, p], key[3]) " |"
			print text
		}
	}
}
