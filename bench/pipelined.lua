-- SPDX-License-Identifier: MIT
-- For wrk: sixteen requests at once.
local requests

function init(args)
	local one = {}
	for i = 1, 16 do
		one[i] = wrk.format()
	end
	requests = table.concat(one)
end

function request()
	return requests
end
