SELECT place, total, site, page, last_title, visited, pageviews, average_ms, bounce_rate, amount
FROM
(
    SELECT
        *,
        count() OVER () AS total,
        row_number() OVER (ORDER BY pageviews DESC NULLS LAST, page, site) AS place
    FROM
    (
        SELECT
            toUInt64(view) AS number,
            countIf(nth = 1) AS visited,
            count() AS pageviews,
            countIf(next != 0) AS timed,
            sumIf(toInt64(bitShiftRight(next, 85)) - toInt64(bitShiftRight(view, 85)), next != 0) AS taken,
            if(timed = 0, NULL, taken / timed) AS average_ms,
            countIf(nth = 1 AND length(views) <= 1) / visited AS bounce_rate,
            sumIf(amount_of_session, nth = 1) AS amount
        FROM
        (
            SELECT
                seen.session_id AS session,
                arraySort(groupArrayIf(
                    bitOr(
                        bitShiftLeft(toUInt128(bitOr(bitShiftLeft(toUInt64(toUnixTimestamp64Milli(seen.created_at)), 21), bitAnd(seen.event_id, 2097151))), 64),
                        toUInt128(bitOr(bitShiftLeft(cityHash64(seen.origin, seen.path), 1), if(1, 1, 0)))),
                    seen.name = 'screen_view')) AS views,
                sumIf(seen.revenue, seen.name = 'revenue') AS amount_of_session
            FROM events AS seen
WHERE seen.project_id = {project:String}
    AND toDate(seen.created_at) >= {v2:Date}
    AND seen.created_at >= fromUnixTimestamp64Milli({v3:Int64}, 'UTC')
    AND toDate(seen.created_at) <= {v4:Date}
    AND seen.created_at < fromUnixTimestamp64Milli({v5:Int64}, 'UTC')
    AND (seen.name = 'screen_view' AND seen.path != '' OR seen.name = 'revenue')
    AND seen.session_id != 0
    AND seen.session_started_at >= fromUnixTimestamp64Milli({v0:Int64}, 'UTC')
    AND seen.session_started_at < fromUnixTimestamp64Milli({v1:Int64}, 'UTC')
            GROUP BY session
        )
        ARRAY JOIN
            views AS view,
            arrayShiftLeft(views, 1) AS next,
            arrayEnumerateUniq(arrayMap(each -> toUInt64(each), views)) AS nth
        WHERE bitTest(number, 0)
        GROUP BY number
    ) AS figures
    INNER JOIN
    (
        SELECT
            bitOr(bitShiftLeft(cityHash64(seen.origin, seen.path), 1), 1) AS number,
            toString(seen.origin) AS site,
            seen.path AS page,
            substring(
                maxIf(concat(reinterpretAsFixedString(byteSwap(bitOr(bitShiftLeft(toUInt64(toUnixTimestamp64Milli(seen.created_at)), 21), bitAnd(seen.event_id, 2097151)))), seen.title), seen.title != ''),
                9) AS last_title
        FROM events AS seen
WHERE seen.project_id = {project:String}
    AND toDate(seen.created_at) >= {v2:Date}
    AND seen.created_at >= fromUnixTimestamp64Milli({v3:Int64}, 'UTC')
    AND toDate(seen.created_at) <= {v4:Date}
    AND seen.created_at < fromUnixTimestamp64Milli({v5:Int64}, 'UTC')
    AND seen.name = 'screen_view' AND seen.path != ''
    AND seen.session_id != 0
    AND seen.session_started_at >= fromUnixTimestamp64Milli({v0:Int64}, 'UTC')
    AND seen.session_started_at < fromUnixTimestamp64Milli({v1:Int64}, 'UTC')
        GROUP BY seen.origin, seen.path
    ) AS names ON figures.number = names.number
)
WHERE place = 1 OR (place > {v6:UInt32} AND place <= {v7:UInt32})
ORDER BY place;
