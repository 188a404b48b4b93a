SELECT item, seen, last_day
FROM
(
SELECT key AS item, sum(property_names.events) AS seen, max(property_names.last_day) AS last_day
FROM property_names
WHERE project_id = {project:String}
    AND name = {v0:String}
    AND positionCaseInsensitiveUTF8(key, {v1:String}) > 0
GROUP BY item
)
ORDER BY positionCaseInsensitiveUTF8(item, {v1:String}) = 1 DESC, seen DESC, item
LIMIT {v2:UInt32};
