SELECT item, seen, last_day
FROM
(
SELECT item, count() AS seen, max(newest.day) AS last_day
FROM
(
    SELECT seen.properties[{v0:String}] AS item, seen.day AS day
    FROM events AS seen
    WHERE seen.project_id = {project:String}
        AND seen.name = {v0:String}
    ORDER BY toDate(seen.created_at) DESC
    LIMIT {v1:UInt32}
) AS newest
WHERE item != '' AND length(item) <= {v2:UInt32}
    AND positionCaseInsensitiveUTF8(item, {v3:String}) > 0
GROUP BY item
)
ORDER BY positionCaseInsensitiveUTF8(item, {v3:String}) = 1 DESC, seen DESC, item
LIMIT {v4:UInt32};
