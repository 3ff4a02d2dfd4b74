#!/bin/sh
# SPDX-License-Identifier: MIT
# Draws bench/results.csv, as bench/run has written it, as a bar chart a
# workload: bench/WORKLOAD.svg, in the build directory.

set -eu
LC_ALL=C
export LC_ALL

command -v gnuplot >/dev/null || {
	echo 'bench: no gnuplot' >&2
	exit 1
}
data=$(mktemp "${TMPDIR:-/tmp}/miost-plot.XXXXXX")
trap 'rm -f "$data"' EXIT

# A line a case, a column a peer: medians.
columns() {
	awk -F , -v "workload=$1" '
		$1 != workload || $4 ~ /_bytes$/ { next }
		{
			sub("_ns$", " (ns)", $4)
			sub("requests_per_cpu_s", "requests a second", $4)
			row = ($2 == "-" ? "" : $2 " ") $4
			if (!(row in seen)) { seen[row] = 1; rows[++m] = row }
			if (!($3 in is)) { is[$3] = 1; peers[++k] = $3 }
			list[row, $3, ++n[row, $3]] = $6 + 0
		}
		function median(row, peer,    c, i, j, x) {
			c = n[row, peer]
			if (c == 0)
				return "NaN"
			for (i = 2; i <= c; i++) {
				x = list[row, peer, i]
				for (j = i; j > 1 && list[row, peer, j - 1] > x; j--)
					list[row, peer, j] = list[row, peer, j - 1]
				list[row, peer, j] = x
			}
			return list[row, peer, int((c + 1) / 2)]
		}
		END {
			printf "case"
			for (j = 1; j <= k; j++)
				printf "\t%s", peers[j]
			for (i = 1; i <= m; i++) {
				printf "\n%s", rows[i]
				for (j = 1; j <= k; j++)
					printf "\t%s", median(rows[i], peers[j])
			}
			print ""
		}' bench/results.csv
}

sed '/^#/d; /^workload,/d; s/,.*//' bench/results.csv | uniq | sort -u |
	while read -r workload; do
		columns "$workload" >"$data"
		peers=$(awk -F '\t' '{ print NF - 1; exit }' "$data")
		gnuplot <<EOT
set terminal svg size 1000,500 dynamic enhanced background rgb 'white'
set output 'bench/$workload.svg'
set title '$workload (logarithmic; median of the rounds)' noenhanced
set datafile separator '\t'
set style data histograms
set style fill solid 0.8
set logscale y
set grid y
set key outside noenhanced autotitle columnhead
set xtics rotate by -20 noenhanced
plot for [i=2:$peers + 1] '$data' using i:xtic(1)
EOT
		echo "bench/$workload.svg"
	done
