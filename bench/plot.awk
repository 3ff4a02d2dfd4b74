# SPDX-License-Identifier: MIT
# Draws the tables of table.awk, wherever they stand, as OUT/WORKLOAD.svg:
#
#	awk -v out=OUT -f bench/plot.awk FILE
#
# A row of a picture is one of its table, and a mark in it a peer. What is timed
# is beside the first peer, as in the table, with a line for the spread. Bytes
# and system calls are not drawn, and neither is what the harness takes.

BEGIN {
	FS = " *[|] *"
	grey = "#85878c"	# shows on white and on black, as the others do
	colours["miost"] = "#d9485f"
	colours["libev"] = "#3b8fd0"
	colours["libevent"] = "#cf8a1d"
	colours["libuv"] = "#4b9f63"
	width = 760
	step = 8		# from peer to peer
	gap = 10		# from row to row
	top = 34
}

$2 ~ /^[a-z]+$/ && $3 == "metric" {
	workload = $2
	peers = NF - 4
	rows = longest = least = most = 0
	for (i = 1; i <= peers; i++)
		peer[i] = $(i + 3)
	next
}

workload != "" && /^[|]/ {
	if ($2 != "---" && $3 !~ /_(bytes|calls)$/ && $3 != "harness_ns")
		take()
	next
}

workload != "" {
	draw()
}

END {
	if (workload != "")
		draw()
}

# take: a row of the table.
function take(    i, cell, name, is_timed) {
	name = $3
	is_timed = sub(/(_cpu)?_ns$|_per_cpu_s$/, "", name)
	gsub("_", " ", name)
	label[++rows] = ($2 == "-" ? "" : $2 ", ") name
	if (is_timed)
		label[rows] = label[rows] \
			sprintf(" (%s%s)", $4, $3 ~ /_ns$/ ? " ns" : "/s")
	if (length(label[rows]) > longest)
		longest = length(label[rows])
	for (i = 1; i <= peers; i++) {
		split($(i + 3), cell, " ±")
		value[rows, i] = is_timed && i == 1 ? 1 : cell[1]
		spread[rows, i] = cell[2] + 0
		if (cell[1] == "-")
			continue
		reach(value[rows, i] - spread[rows, i])
		reach(value[rows, i] + spread[rows, i])
	}
}

# reach X: the axis has to.
function reach(x) {
	if (x <= 0)
		x = 0.005
	if (least == 0 || x < least)
		least = x
	if (x > most)
		most = x
}

# at X: where it is drawn.
function at(x) {
	if (is_log) {
		x = log(x < least ? least : x)
		return left + (x - log(least)) / (log(most) - log(least)) * \
			(right - left)
	}
	return left + (x - least) / (most - least) * (right - left)
}

function text(x, y, anchor, words) {
	printf "<text x=\"%.0f\" y=\"%.0f\" text-anchor=\"%s\">%s</text>\n",
		x, y, anchor, words >file
}

function line(x1, y1, x2, y2, colour, wide) {
	printf "<path d=\"M%.1f %.1fL%.1f %.1f\" stroke=\"%s\" " \
		"stroke-width=\"%s\"/>\n", x1, y1, x2, y2, colour, wide >file
}

# mark X Y NAME: a colour a library, a shape a way to use it.
function mark(x, y, name,    colour, shape) {
	colour = colour_of(name)
	if (name ~ /-two$/)
		shape = "h3v6h-6v-6z"
	else if (name ~ /-all$/)
		shape = "l4 3l-4 3l-4-3z"
	else if (name ~ /-poll$/)
		shape = "l4 6h-8z"
	else
		shape = "a3 3 0 0 1 0 6a3 3 0 0 1 0-6z"
	printf "<path d=\"M%.1f %.1f%s\" stroke=\"%s\" fill=\"%s\"/>\n", x,
		y - 3, shape, colour, name ~ /-/ ? "none" : colour >file
}

function colour_of(name) {
	sub(/-.*/, "", name)
	return name in colours ? colours[name] : grey
}

# tick X: a line down the picture, and its number.
function tick(x) {
	line(at(x), top, at(x), bottom, grey, x == 1 ? 1 : 0.3)
	text(at(x), bottom + 16, "middle", sprintf("%g", x))
}

# ticks: some, at round numbers.
function ticks(    size, x) {
	size = power_of_ten(is_log ? least : most - least)
	if (is_log) {
		for (; size < most; size *= 10) {
			tick_within(size)
			tick_within(2 * size)
			tick_within(5 * size)
		}
		return
	}
	if (most - least < 2 * size)
		size /= 5
	else if (most - least < 5 * size)
		size /= 2
	for (x = int(least / size) * size; x < most; x += size)
		tick_within(sprintf("%g", x) + 0)
}

# power_of_ten X: the one at or below it.
function power_of_ten(x,    power) {
	for (power = 1; power > x; power /= 10)
		;
	for (; power * 10 <= x; power *= 10)
		;
	return power
}

function tick_within(x) {
	if (x >= least && x <= most)
		tick(x)
}

function axis() {
	if (workload == "instructions")
		return "instructions; fewer is better"
	if (workload == "http")
		return "requests a second beside " peer[1] "; more is better"
	return "time beside " peer[1] "; less is better"
}

function draw(    i, j, x, y) {
	# Small differences shall look small.
	if (workload != "instructions") {
		reach(0.8)
		reach(1.25)
	}
	is_log = most > 4 * least
	x = is_log ? 1.1 : 1 + (most - least) / least / 20
	least /= x
	most *= x
	left = longest * 7 + 12
	right = width - 120
	bottom = top + rows * (peers * step + gap) + gap
	if (bottom < top + 18 * peers)
		bottom = top + 18 * peers
	file = out "/" workload ".svg"
	printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" " \
		"height=\"%d\" viewBox=\"0 0 %d %d\">\n" \
		"<style>text{font:12px sans-serif;fill:%s}</style>\n",
		width, bottom + 44, width, bottom + 44, grey >file
	text(left, 18, "start", workload)
	text((left + right) / 2, bottom + 36, "middle", axis())
	ticks()
	for (j = 1; j <= peers; j++) {
		mark(right + 18, top + 18 * j - 10, peer[j])
		text(right + 28, top + 18 * j - 6, "start", peer[j])
	}
	y = top + gap
	for (i = 1; i <= rows; i++) {
		text(left - 8, y + peers * step / 2 + 4, "end", label[i])
		for (j = 1; j <= peers; j++) {
			y += step
			if (value[i, j] == "-")
				continue
			if (spread[i, j] > 0)
				line(at(value[i, j] - spread[i, j]), y - step / 2,
				     at(value[i, j] + spread[i, j]), y - step / 2,
				     colour_of(peer[j]), 1.5)
			mark(at(value[i, j]), y - step / 2, peer[j])
		}
		y += gap
	}
	print "</svg>" >file
	close(file)
	print file
	workload = ""
}
