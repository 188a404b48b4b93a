SELECT item, seen, last_day
FROM
(
SELECT value AS item, sum(property_values.events) AS seen, max(property_values.last_day) AS last_day
FROM property_values
WHERE project_id = {project:String} AND key = {v0:String}
    AND positionCaseInsensitiveUTF8(value, {v0:String}) > 0
GROUP BY item
)
ORDER BY positionCaseInsensitiveUTF8(item, {v0:String}) = 1 DESC, seen DESC, item
LIMIT {v1:UInt32};
