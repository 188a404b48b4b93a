SELECT item, seen, last_day
FROM
(
SELECT item, count() AS seen, max(newest.day) AS last_day
FROM
(
    SELECT seen.os_version AS item, seen.day AS day
    FROM events AS seen
    WHERE seen.project_id = {project:String}
    ORDER BY toDate(seen.created_at) DESC
    LIMIT {v0:UInt32}
) AS newest
WHERE item != '' AND length(item) <= {v1:UInt32}
GROUP BY item
)
ORDER BY seen DESC, item
LIMIT {v2:UInt32};
