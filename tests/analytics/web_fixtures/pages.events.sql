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
            hash,
            count() AS visited,
            sum(shown) AS pageviews,
            if(sum(timed) = 0, NULL, sum(taken) / sum(timed)) AS average_ms,
            countIf(views_of_session <= 1) / visited AS bounce_rate,
            sum(amount_of_session) AS amount
        FROM
        (
            SELECT
                view.3 AS hash,
                count() AS shown,
                count(next) AS timed,
                sum(ifNull(next - view.1, 0)) AS taken,
                any(length(views)) AS views_of_session,
                any(amount_of_session) AS amount_of_session
            FROM
            (
                SELECT
                    seen.session_id AS session,
                    arraySort(groupArrayIf((
                        toUnixTimestamp64Milli(seen.created_at),
                        bitAnd(seen.event_id, 2097151),
                        sipHash64(toString(seen.origin), seen.path),
                        toUInt8(1)), seen.name = 'screen_view' AND seen.path != '')) AS views,
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
                arrayShiftLeft(arrayMap(each -> toNullable(each.1), views), 1) AS next
            WHERE view.4
            GROUP BY session, hash
        )
        GROUP BY hash
    ) AS figures
    INNER JOIN
    (
        SELECT
            sipHash64(toString(seen.origin), seen.path) AS hash,
            any(toString(seen.origin)) AS site,
            any(seen.path) AS page,
            maxIf(
                (toUnixTimestamp64Milli(seen.created_at), bitAnd(seen.event_id, 2097151), seen.title),
                seen.title != '').3 AS last_title
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
        GROUP BY hash
    ) AS names ON figures.hash = names.hash
)
WHERE place = 1 OR (place > {v6:UInt32} AND place <= {v7:UInt32})
ORDER BY place;
